-- Tells the server what became of a suggestion. It would find out by itself, later and less surely.

local M = {}

---@param command? lsp.Command The one of the suggestion.
---@return string? # By which the server knows it.
local function item_id(command)
  local id = command and command.arguments and command.arguments[1]
  return type(id) == 'string' and id or nil
end

---@param client_id integer
---@param command? lsp.Command
---@param event 'didShow'|'didReject'|'didPartiallyAccept'
---@param more? table
local function notify(client_id, command, event, more)
  local client, id = vim.lsp.get_client_by_id(client_id), item_id(command)
  if client and id then
    client:notify('codeassist/' .. event, vim.tbl_extend('error', { itemId = id }, more or {}))
  end
end

---@param client_id integer
---@param command? lsp.Command
function M.shown(client_id, command)
  notify(client_id, command, 'didShow')
end

---@param client_id integer
---@param command? lsp.Command
function M.rejected(client_id, command)
  notify(client_id, command, 'didReject')
end

---@param client_id integer
---@param command? lsp.Command
---@param text string What was taken of the suggestion so far.
function M.partly(client_id, command, text)
  notify(client_id, command, 'didPartiallyAccept', { acceptedLength = vim.str_utfindex(text, 'utf-16') })
end

---@param client_id integer
---@param command? lsp.Command
---@param buffer integer
function M.accepted(client_id, command, buffer)
  local client = vim.lsp.get_client_by_id(client_id)
  if client and command then
    client:exec_cmd(command, { bufnr = buffer }, function() end)
  end
end

return M
