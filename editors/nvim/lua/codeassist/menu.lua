-- Neovim's own completion menu, as far as a suggestion has to go with it.

local cursor = require('codeassist.cursor')

local M = {}

---The length of the longest beginning of `word` that `line` ends with, in bytes.
---@param line string
---@param word string
---@return integer
local function begun(line, word)
  for length = math.min(#line, #word), 1, -1 do
    if vim.endswith(line, word:sub(1, length)) then
      return length
    end
  end
  return 0
end

---What the menu would have at the cursor: the item that is chosen in it, or the word that is begun, if none is.
---@class codeassist.Menu
---@field text string
---@field column integer Where it begins, in bytes.

---@return codeassist.Menu? # nil while there is no menu.
function M.chosen()
  if vim.fn.pumvisible() == 0 then
    return nil
  end
  local _, column = cursor.get()
  local line = cursor.line_before()
  local word = line:sub((vim.regex([[\k*$]]):match_str(line) or column) + 1)
  local selected = vim.fn.complete_info({ 'selected' }).selected ---@type integer
  if selected < 0 then
    return { text = word, column = column - #word }
  end
  local item = vim.fn.complete_info({ 'items' }).items[selected + 1]
  local text = item and item.word or word
  local length = begun(line, text)
  return { text = text, column = column - (length > 0 and length or #word) }
end

return M
