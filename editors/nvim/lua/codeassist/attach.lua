-- What begins with a buffer of a client, and ends with it.

local config = require('codeassist.config')

local M = {}

---Neovim 0.12's own ghost text waits so long for another key before it asks.
local NEOVIM_WAITS_MS = 200

---By buffer, the clients that are attached to it.
---@type table<integer, table<integer, true>>
local attached = {}

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
  local inline = vim.lsp.inline_completion
  if not client:supports_method('textDocument/inlineCompletion') then
    -- Ctrl-X Ctrl-O offers the completion. By itself Neovim would insert its first word only.
    vim.lsp.completion.enable(true, client.id, buffer, {
      convert = function(item)
        return { word = item.textEdit and item.textEdit.newText or item.label }
      end,
    })
  elseif inline and config.drawer() == 'neovim' then
    inline.enable(true, { bufnr = buffer })
  else
    if inline and inline.is_enabled({ bufnr = buffer, client_id = client.id }) then
      inline.enable(false, { bufnr = buffer, client_id = client.id }) -- Two would draw over each other.
    end
    require('codeassist.ghost').attach(client, buffer)
    require('codeassist.omni').attach(buffer)
  end
end

---@param client_id integer
---@param buffer integer
---@param group integer
local function detach(client_id, buffer, group)
  vim.api.nvim_del_augroup_by_id(group)
  if package.loaded['codeassist.ghost'] then
    require('codeassist.ghost').detach(client_id, buffer)
  end
  local clients = attached[buffer] or {}
  clients[client_id] = nil
  if next(clients) == nil then
    attached[buffer] = nil
    require('codeassist.keys').unmap(buffer)
    if package.loaded['codeassist.omni'] then
      require('codeassist.omni').detach(buffer)
    end
  end
end

---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  local group = vim.api.nvim_create_augroup(('codeassist.%d.%d'):format(client.id, buffer), {})
  vim.api.nvim_create_autocmd('LspDetach', {
    group = group,
    buffer = buffer,
    callback = function(event)
      if event.data.client_id == client.id then
        detach(client.id, buffer, group)
      end
    end,
  })
  local is_first = attached[buffer] == nil
  attached[buffer] = attached[buffer] or {}
  attached[buffer][client.id] = true
  require('codeassist.restart').started(client.root_dir)
  require('codeassist.others').tell(client, buffer, group)
  draw(client, buffer)
  if is_first then
    require('codeassist.keys').map(buffer, config.get().keys)
  end
end

---The user wants other keys than before.
function M.keys_changed()
  for buffer in pairs(attached) do
    require('codeassist.keys').map(buffer, config.get().keys)
  end
end

return M
