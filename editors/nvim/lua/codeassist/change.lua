-- Changes of the text that are one step of undo each, made in turn with the keys that were typed already.

local cursor = require('codeassist.cursor')

local M = {}

---@type (fun()|nil)[]
local waiting = {}

---Make a change as soon as Neovim takes the next key: in an `expr` mapping it must not be made at once, and what was
---typed after the key comes after it.
---@param change fun()
function M.soon(change)
  table.insert(waiting, change)
  local keys = '<C-g>u<Cmd>lua require("codeassist.change")._now()<CR><C-g>u'
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), 'in', false)
end

---@private
function M._now()
  local change = table.remove(waiting, 1) ---@type fun()?
  if change then -- Somebody may have typed the same keys.
    change()
  end
end

---Replace `removed` bytes behind the cursor by a text, and go to its end.
---@param text string
---@param removed integer
function M.insert(text, removed)
  local row, column = cursor.get()
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(0, row, column, row, column + removed, lines)
  local last = lines[#lines] or ''
  cursor.set(row + #lines - 1, #lines == 1 and column + #last or #last)
end

return M
