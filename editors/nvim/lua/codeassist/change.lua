-- Changes of the text that are one step of undo each, made in turn with the keys that were typed already.

local M = {}

---@type fun()[]
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
  local change = table.remove(waiting, 1)
  if change then
    change()
  end
end

---Replace `removed` bytes behind the cursor by a text, and go to its end.
---@param text string
---@param removed integer
function M.insert(text, removed)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(0, row - 1, column, row - 1, column + removed, lines)
  local last = lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines - 1, #lines == 1 and column + #last or #last })
end

return M
