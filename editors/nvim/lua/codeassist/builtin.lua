-- The ghost text that Neovim 0.12 draws itself, with the functions of ours.

local change = require('codeassist.change')
local cursor = require('codeassist.cursor')
local part = require('codeassist.part')
local report = require('codeassist.report')

local M = {}

---@return table? # vim.lsp.inline_completion, where it is on.
local function completion()
  local found = vim.lsp.inline_completion
  return found and found.is_enabled({ bufnr = 0 }) and found or nil
end

---What is left of an item, and how much stands behind the cursor that it replaces. Neovim keeps the range that the
---item had when it was asked for, and goes on showing it while more is typed.
---@param item table
---@return string?
---@return integer
local function left(item)
  local text = item.insert_text
  if type(text) ~= 'string' then
    return nil, 0 -- A snippet: the server sends none.
  end
  text = part.plain_ends(text)
  if not item.range then
    return text, 0
  end
  local from_row, from_column, to_row, to_column = item.range:to_extmark()
  local row, column = cursor.get()
  if from_row ~= row or to_row ~= from_row or column < from_column then
    return nil, 0
  end
  local line = vim.api.nvim_get_current_line()
  local typed = line:sub(from_column + 1, column)
  if not vim.startswith(text, typed) then
    return nil, 0
  end
  return text:sub(#typed + 1), math.min(to_column - from_column, #line - column)
end

---@param item table
---@param much codeassist.Much
local function take(item, much)
  local text, behind = left(item)
  if not text then
    return
  end
  local taken = part.of(text, much)
  local whole = taken == text
  change.insert(taken, whole and behind or 0)
  if whole then
    report.accepted(item.client_id, item.command, 0)
  else
    report.partly(item.client_id, item.command, taken)
  end
end

function M.visible()
  local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  return namespace ~= nil and #vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { limit = 1 }) > 0
end

---@param much codeassist.Much
---@return boolean
function M.accept(much)
  local found = completion()
  return found ~= nil
    and found.get({
      on_accept = function(item)
        change.soon(function()
          take(item, much)
        end)
      end,
    })
end

---@return boolean
function M.dismiss()
  local found = completion()
  return found ~= nil
    and found.get({
      on_accept = function(item)
        report.rejected(item.client_id, item.command)
      end,
    })
end

---@param count integer
---@return boolean
function M.move(count)
  local found = completion()
  if not found or not M.visible() then
    return false
  end
  found.select({ count = count })
  return true
end

return M
