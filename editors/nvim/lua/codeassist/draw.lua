-- Draws what is left of a suggestion, as the text would look with it.

local cursor = require('codeassist.cursor')
local suggestion = require('codeassist.suggestion')

local M = {}

local GROUP = 'CodeassistGhost'
local namespace = vim.api.nvim_create_namespace('codeassist.ghost')

function M.define_highlight()
  local link = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'NonText'
  vim.api.nvim_set_hl(0, GROUP, { default = true, link = link })
end

---@param buffer integer
function M.clear(buffer)
  if vim.api.nvim_buf_is_valid(buffer) then
    vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
  end
end

---A line with blanks in place of tabs, which virtual text does not know.
---@param text string
---@param column integer On the screen, where it begins.
---@return string
local function without_tabs(text, column)
  local size = vim.bo.tabstop
  local found = ''
  for piece, tab in text:gmatch('([^\t]*)(\t?)') do
    found = found .. piece
    if tab ~= '' then
      local at = column + vim.api.nvim_strwidth(found)
      found = found .. (' '):rep(size - at % size)
    end
  end
  return found
end

---@param left codeassist.Left
---@param column integer
---@param options vim.api.keyset.set_extmark
local function mark(left, column, options)
  options.hl_mode = 'combine'
  vim.api.nvim_buf_set_extmark(0, namespace, left.row, column, options)
end

---@param lines string[]
---@return [string, string][][] # All but the first.
local function lines_below(lines)
  return vim.tbl_map(function(line)
    return { { without_tabs(line, 0), GROUP } }
  end, vim.list_slice(lines, 2))
end

---One line, between what stands behind the cursor already.
---@param left codeassist.Left
---@param places integer[] Where each byte of the tail stands in the rest.
---@param start integer The cursor's column on the screen.
local function draw_between(left, places, start)
  local from = 1
  for index = 1, #places + 1 do
    local to = places[index] or #left.rest + 1
    local text = without_tabs(left.rest:sub(from, to - 1), start)
    if text ~= '' then
      mark(left, left.column + index - 1, { virt_text = { { text, GROUP } }, virt_text_pos = 'inline' })
    end
    from = to + 1
  end
end

---Over the rest of the line, which goes behind the last line.
---@param left codeassist.Left
---@param lines string[]
---@param start integer
local function draw_over(left, lines, start)
  local covered = vim.api.nvim_strwidth(without_tabs(left.tail .. left.after, start))
  local first = without_tabs(lines[1] or '', start)
  if #lines == 1 then
    local behind = without_tabs(left.after, start + vim.api.nvim_strwidth(first))
    local uncovered = (' '):rep(math.max(0, covered - vim.api.nvim_strwidth(first .. behind)))
    local shown = { { first, GROUP }, { behind .. uncovered, '' } }
    mark(left, left.column, { virt_text = shown, virt_text_pos = 'overlay' })
    return
  end
  local padding = (' '):rep(math.max(0, covered - vim.api.nvim_strwidth(first)))
  local below = lines_below(lines)
  local width = vim.api.nvim_strwidth(without_tabs(lines[#lines] or '', 0))
  table.insert(below[#below] or {}, { without_tabs(left.after, width), '' })
  mark(left, left.column, {
    virt_text = { { first .. padding, GROUP } },
    virt_text_pos = 'overlay',
    virt_lines = below,
    virt_lines_overflow = 'scroll',
  })
end

---Draw it in the current window, in place of what was drawn in its buffer.
---@param left codeassist.Left
function M.draw(left)
  M.clear(0)
  -- Where Neovim can, other windows of the same buffer are left alone: lines would jump there.
  pcall(vim.api.nvim__ns_set, namespace, { wins = { vim.api.nvim_get_current_win() } })
  local lines = vim.split(left.rest, '\n', { plain = true })
  local start = vim.fn.strdisplaywidth(cursor.line_before())
  local places = #lines == 1 and suggestion.within(left.tail, left.rest)
  if places then
    draw_between(left, places, start)
  elseif #lines > 1 and left.tail .. left.after == '' then
    mark(left, left.column, {
      virt_text = { { without_tabs(lines[1] or '', start), GROUP } },
      virt_text_pos = 'inline',
      virt_lines = lines_below(lines),
      virt_lines_overflow = 'scroll',
    })
  else
    draw_over(left, lines, start)
  end
end

return M
