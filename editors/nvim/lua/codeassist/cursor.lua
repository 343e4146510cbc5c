-- Where the cursor of the current window is.

local M = {}

---@return integer row From 0.
---@return integer column From 0, in bytes.
function M.get()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0)) ---@cast row integer ---@cast column integer
  return row - 1, column
end

---@param row integer From 0.
---@param column integer From 0, in bytes.
function M.set(row, column)
  vim.api.nvim_win_set_cursor(0, { row + 1, column })
end

---The current line up to the cursor.
---@return string
function M.line_before()
  local _, column = M.get()
  return vim.api.nvim_get_current_line():sub(1, column)
end

return M
