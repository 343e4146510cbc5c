-- Starts the language servers anew, because the user wants it.

local M = {}

local LOOK_EVERY_MS = 20
local ENDS_WITHIN_MS = 3000

---Call `done` as soon as the server of a client has ended; one that does not want to is told to, and the user of one
---that does not do that either.
---@param client vim.lsp.Client
---@param done fun()
local function stop(client, done)
  client:stop()
  local waited = 0
  local timer = assert(vim.uv.new_timer())
  timer:start(
    LOOK_EVERY_MS,
    LOOK_EVERY_MS,
    vim.schedule_wrap(function()
      if timer:is_closing() then
        return
      end
      if not vim.lsp.get_client_by_id(client.id) then
        timer:close()
        done()
        return
      end
      waited = waited + LOOK_EVERY_MS
      if waited == ENDS_WITHIN_MS then
        client:stop(true)
      elseif waited == 2 * ENDS_WITHIN_MS then
        timer:close()
        local message = 'codeassist: the language server does not end; end its process, then :Codeassist restart again'
        vim.notify(message, vim.log.levels.ERROR)
      end
    end)
  )
end

---What a client is started with next: what is configured now, which may be more than when it began.
---@param client vim.lsp.Client
---@return vim.lsp.ClientConfig
local function next_config(client)
  local configured = vim.lsp.is_enabled('codeassist') and require('codeassist.server').config()
  if not configured then
    return client.config -- Somebody has started it by hand.
  end
  local config = vim.deepcopy(configured) --[[@as vim.lsp.ClientConfig]]
  config.name, config.root_dir = client.name, client.root_dir
  config.workspace_folders = client.config.workspace_folders
  return config
end

---End all servers, and start them again for the buffers that they had; start one where none runs.
---@param buffer integer
---@return string? # Why that cannot be.
function M.run(buffer)
  local clients = vim.lsp.get_clients({ name = 'codeassist' })
  vim.list_extend(clients, require('codeassist.server').starting())
  if #clients == 0 then
    local _, reason = require('codeassist.server').of(buffer, true)
    if not reason then
      vim.lsp.enable('codeassist')
    end
    return reason
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_keys(client.attached_buffers)
    stop(client, function()
      local config = next_config(client)
      for _, each in ipairs(buffers) do
        if vim.api.nvim_buf_is_loaded(each) then
          vim.lsp.start(config, { bufnr = each })
        end
      end
    end)
  end
end

return M
