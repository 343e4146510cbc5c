-- Buffers that only show something: q closes them.

local M = {}

---@param name string such as `codeassist://trace`
---@return integer?
local function find(name)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buffer) == name then
      return buffer
    end
  end
end

---Show the buffer of that name in a window of its own, or go to the one that it has. It is empty when it is new.
---@param name string
---@param filetype string
---@param mods? table<string, any> modifiers of the command, such as `vertical`
---@return integer buffer
function M.open(name, filetype, mods)
  local buffer = find(name)
  local window = buffer and vim.fn.bufwinid(buffer) or -1
  if window ~= -1 then
    vim.api.nvim_set_current_win(window)
    return buffer --[[@as integer]]
  end
  vim.cmd.split({ mods = mods or {} })
  if not buffer then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
    vim.bo[buffer].bufhidden = 'wipe'
    vim.bo[buffer].modifiable = false
  end
  vim.api.nvim_win_set_buf(0, buffer)
  vim.wo[0][0].wrap = true
  vim.wo[0][0].linebreak = true
  vim.wo[0][0].number = false
  vim.wo[0][0].relativenumber = false
  vim.wo[0][0].signcolumn = 'no'
  vim.wo[0][0].list = false
  vim.wo[0][0].spell = false
  vim.bo[buffer].filetype = filetype
  vim.keymap.set('n', 'q', function()
    if not pcall(vim.cmd.close) then
      vim.cmd.bdelete() -- It was the last window.
    end
  end, { buffer = buffer, nowait = true, desc = 'Close' })
  return buffer
end

---Replace lines of such a buffer, from `first` (0 is the first line) to its end.
---@param buffer integer
---@param first integer
---@param lines string[]
function M.set(buffer, first, lines)
  if not vim.api.nvim_buf_is_valid(buffer) then
    return -- It was closed meanwhile.
  end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, first, -1, false, lines)
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].modified = false
end

return M
