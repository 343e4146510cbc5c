-- What a suggestion is for: a text, a place in it, and what the completion menu has there.

local cursor = require('codeassist.cursor')
local menu = require('codeassist.menu')

local M = {}

---@class codeassist.Moment
---@field tick integer Which text it is.
---@field row integer From 0.
---@field column integer From 0, in bytes.
---@field menu? codeassist.Menu

---@return codeassist.Moment
function M.now()
  local row, column = cursor.get()
  return { tick = vim.api.nvim_buf_get_changedtick(0), row = row, column = column, menu = menu.chosen() }
end

---@param moment codeassist.Moment
---@return boolean
function M.is_now(moment)
  return vim.deep_equal(M.now(), moment)
end

---The parameters of textDocument/inlineCompletion.
---@param moment codeassist.Moment Must be now.
---@param client vim.lsp.Client
---@param kind integer
---@return table
function M.params(moment, client, kind)
  local line = vim.api.nvim_get_current_line()
  ---@param column integer
  ---@return lsp.Position
  local function position(column)
    return { line = moment.row, character = vim.str_utfindex(line, client.offset_encoding, column, false) }
  end
  local context = { triggerKind = kind }
  if moment.menu then
    local range = { start = position(moment.menu.column), ['end'] = position(moment.column) }
    context.selectedCompletionInfo = { range = range, text = moment.menu.text }
  end
  return {
    textDocument = vim.lsp.util.make_text_document_params(0),
    position = position(moment.column),
    context = context,
  }
end

return M
