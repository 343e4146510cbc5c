-- A suggestion for a place in a buffer: what is left of it while the user types into it.

local cursor = require('codeassist.cursor')
local part = require('codeassist.part')

local M = {}

local namespace = vim.api.nvim_create_namespace('codeassist.place')

---Rows and columns count from 0, columns in bytes.
---@class codeassist.Suggestion
---@field client_id integer
---@field command? lsp.Command
---@field text string What is to stand in the range.
---@field package buffer integer
---@field package mark integer The range, which grows while the user types into it.
---@field package before string The line up to the range.
---@field package after string The line behind it.
---@field package tail string What stood in the range behind the cursor.
local Suggestion = {}
Suggestion.__index = Suggestion

---What is left of a suggestion.
---@class codeassist.Left
---@field row integer
---@field column integer
---@field rest string What is missing at the cursor, and takes the place of `tail`.
---@field tail string
---@field after string What stands on the line behind `tail`.
---@field typed string What of the suggestion stands before the cursor already.

---@param buffer integer
---@param position lsp.Position
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
---@return integer
local function place(buffer, position, encoding)
  local line = vim.api.nvim_buf_get_lines(buffer, position.line, position.line + 1, false)[1] or ''
  return position.line, vim.str_byteindex(line, encoding, position.character, false)
end

---@param buffer integer
---@param row integer
---@return string
local function line_of(buffer, row)
  return vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
end

---The items of an answer to textDocument/inlineCompletion, whatever it is.
---@param result any
---@return table[]
function M.items(result)
  return vim.tbl_filter(function(item)
    return type(item) == 'table' and type(item.insertText) == 'string'
  end, type(result) == 'table' and (result.items or result) or {})
end

---An item as an answer for where the cursor is. It must be ended with `forget`.
---@param buffer integer
---@param client vim.lsp.Client
---@param item table
---@return codeassist.Suggestion
function M.new(buffer, client, item)
  local row, column = cursor.get()
  local from_row, from_column, to_row, to_column = row, column, row, column
  if type(item.range) == 'table' then
    from_row, from_column = place(buffer, item.range.start, client.offset_encoding)
    to_row, to_column = place(buffer, item.range['end'], client.offset_encoding)
  end
  local self = setmetatable({
    client_id = client.id,
    command = type(item.command) == 'table' and item.command or nil,
    text = part.plain_ends(item.insertText),
    buffer = buffer,
    before = line_of(buffer, from_row):sub(1, from_column),
    after = line_of(buffer, to_row):sub(to_column + 1),
  }, Suggestion)
  self.mark = vim.api.nvim_buf_set_extmark(buffer, namespace, from_row, from_column, {
    end_row = to_row,
    end_col = to_column,
    right_gravity = false,
    end_right_gravity = true,
    strict = false,
  })
  local _, tail = self:_around(row, column)
  self.tail = tail or ''
  return self
end

---What stands in the range before and behind a place, nil if it is not in the range.
---@package
---@param row integer
---@param column integer
---@return string?
---@return string?
function Suggestion:_around(row, column)
  local found = vim.api.nvim_buf_get_extmark_by_id(self.buffer, namespace, self.mark, { details = true })
  local from_row, from_column, details = found[1], found[2], found[3]
  if not details then
    return nil
  end
  local to_row, to_column = details.end_row or from_row, details.end_col or from_column
  local is_behind_start = row > from_row or (row == from_row and column >= from_column)
  local is_before_end = row < to_row or (row == to_row and column <= to_column)
  if not is_behind_start or not is_before_end then
    return nil
  end
  if line_of(self.buffer, from_row):sub(1, from_column) ~= self.before then
    return nil
  end
  if line_of(self.buffer, to_row):sub(to_column + 1) ~= self.after then
    return nil
  end
  local before = vim.api.nvim_buf_get_text(self.buffer, from_row, from_column, row, column, {})
  local behind = vim.api.nvim_buf_get_text(self.buffer, row, column, to_row, to_column, {})
  return table.concat(before, '\n'), table.concat(behind, '\n')
end

---Whether the editor closed brackets or quotes in between, or wrote over some.
---@private
---@param tail string
---@param rest string
---@return boolean
function Suggestion:_is_tail(tail, rest)
  if vim.endswith(self.tail, tail) then
    return true
  end
  local closed = vim.endswith(tail, self.tail) and tail:sub(1, #tail - #self.tail)
  return closed and closed:find('^[%)%]}>"\'`]+$') ~= nil and M.within(closed, rest) ~= nil
end

---What is left for where the cursor is; nil if it does not fit any more, or nothing is left.
---@return codeassist.Left?
function Suggestion:left()
  local row, column = cursor.get()
  local typed, tail = self:_around(row, column)
  if not typed or not tail or not vim.startswith(self.text, typed) then
    return nil
  end
  local rest = self.text:sub(#typed + 1)
  if rest == '' or rest == tail or not self:_is_tail(tail, rest) then
    return nil
  end
  return { row = row, column = column, rest = rest, tail = tail, after = self.after, typed = typed }
end

function Suggestion:forget()
  if vim.api.nvim_buf_is_valid(self.buffer) then
    vim.api.nvim_buf_del_extmark(self.buffer, namespace, self.mark)
  end
end

---How long the common end of two texts is, in bytes, in whole characters.
---@param one string
---@param other string
---@return integer
local function common_end(one, other)
  local count = 0
  while count < math.min(#one, #other) and one:byte(#one - count) == other:byte(#other - count) do
    count = count + 1
  end
  while count > 0 and vim.str_utf_start(one, #one - count + 1) ~= 0 do
    count = count - 1
  end
  return count
end

---Where each byte of `tail` stands in `rest`, if all do in that order; the end of `rest` goes before other places.
---@param tail string
---@param rest string
---@return integer[]?
function M.within(tail, rest)
  local found = {} ---@type integer[]
  local shared = common_end(tail, rest)
  local at = 0
  for index = 1, #tail - shared do
    local next_at = rest:find(tail:sub(index, index), at + 1, true)
    if not next_at or next_at > #rest - shared or tail:byte(index) > 127 then
      return nil -- Only ASCII is looked for, so that no character is split.
    end
    at = next_at
    found[index] = at
  end
  for index = #tail - shared + 1, #tail do
    found[index] = #rest - (#tail - index)
  end
  return found
end

---What to insert so that the first `length` bytes of what is left stand there, and how many bytes behind the cursor it
---takes the place of. What stands there already and can stay, stays.
---@param left codeassist.Left
---@param length integer
---@return string
---@return integer
function M.edit(left, length)
  if length == #left.rest then
    return left.rest, #left.tail
  end
  local replaced = 0
  for _, at in ipairs(M.within(left.tail, left.rest) or {}) do
    replaced = replaced + (at <= length and 1 or 0)
  end
  return left.rest:sub(1, length), replaced
end

return M
