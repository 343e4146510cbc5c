-- What begins with a buffer of a client, and ends with it.

local config = require('codeassist.config')

local M = {}

---Neovim 0.12's own ghost text waits so long for another key before it asks.
local NEOVIM_WAITS_MS = 200

---@param client integer
---@param buffer integer
---@return string
local function group_name(client, buffer)
  return ('codeassist.%d.%d'):format(client, buffer)
end

---Buffers that any client is attached to.
---@return integer[]
local function buffers()
  local found = {}
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codeassist' })) do
    for buffer in pairs(client.attached_buffers) do
      found[buffer] = true
    end
  end
  return vim.tbl_keys(found)
end

---What a client says of itself, by what the user wants.
---@param capabilities table
function M.announce(capabilities)
  local drawer = config.drawer()
  local document = capabilities.textDocument or {}
  capabilities.textDocument = document
  -- A server that may send inline completions offers no items for the menu.
  document.inlineCompletion = drawer and { dynamicRegistration = false } or nil
  capabilities.experimental = vim.tbl_deep_extend('force', capabilities.experimental or {}, {
    codeassist = {
      waitsMs = drawer == 'neovim' and NEOVIM_WAITS_MS or 0,
      keepsExpired = drawer == 'neovim',
    },
  })
end

---@param client vim.lsp.Client
---@param buffer integer
local function draw(client, buffer)
  if not client.server_capabilities.inlineCompletionProvider then
    -- Ctrl-X Ctrl-O offers the completion. By itself Neovim would insert its first word only.
    vim.lsp.completion.enable(true, client.id, buffer, {
      convert = function(item)
        return { word = item.textEdit and item.textEdit.newText or item.label }
      end,
    })
  elseif config.drawer() == 'neovim' then
    vim.lsp.inline_completion.enable(true, { bufnr = buffer, client_id = client.id })
  end
end

---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  local group = vim.api.nvim_create_augroup(group_name(client.id, buffer), {})
  vim.api.nvim_create_autocmd('LspDetach', {
    group = group,
    buffer = buffer,
    callback = function(event)
      if event.data.client_id == client.id then
        vim.api.nvim_del_augroup_by_id(group)
      end
    end,
  })
  require('codeassist.others').tell(client, buffer, group)
  draw(client, buffer)
end

---The user wants other keys than before.
function M.keys_changed()
  for _, buffer in ipairs(buffers()) do
    local _ = buffer
  end
end

return M
