-- What users call. Everything is loaded when it is first needed.
--
-- Each function that takes a suggestion returns whether there was one to take, so that a mapping can fall back to its
-- key. All of them may be called in an `expr` mapping, where text must not change yet: it does as soon as Neovim goes on.

local M = {}

---What the two ways to draw ghost text have in common.
---@class codeassist.Drawer
---@field visible fun(): boolean
---@field accept fun(much: codeassist.Much): boolean
---@field dismiss fun(): boolean
---@field move fun(count: integer): boolean

---How much of a suggestion is taken.
---@alias codeassist.Much 'all'|'word'|'line'

---Who draws the ghost text of the current buffer.
---@return codeassist.Drawer
local function drawer()
  local ghost = package.loaded['codeassist.ghost'] ---@type codeassist.Drawer?
  if ghost and require('codeassist.ghost').is_here() then
    return ghost
  end
  return require('codeassist.builtin')
end

---Set options and map keys. Needs not be called: `vim.g.codeassist` and the functions below do without.
---@param options? codeassist.Options
function M.setup(options)
  options = vim.deepcopy(options or {})
  if type(options) == 'table' and options.keys == nil then
    options.keys = {}
  end
  require('codeassist.config').set(options)
  require('codeassist.attach').keys_changed()
end

---Whether a suggestion is shown.
---@return boolean
function M.visible()
  return drawer().visible()
end

---Take the whole suggestion.
---@return boolean # Whether there was one.
function M.accept()
  return drawer().accept('all')
end

---Take the next word of the suggestion; the rest stays.
---@return boolean # Whether there was one.
function M.accept_word()
  return drawer().accept('word')
end

---Take the suggestion up to the end of the line; the rest stays.
---@return boolean # Whether there was one.
function M.accept_line()
  return drawer().accept('line')
end

---Take the suggestion away. None is shown here before the text changes.
---@return boolean # Whether there was one.
function M.dismiss()
  return drawer().dismiss()
end

---Show the next suggestion for this place.
---@return boolean # Whether there was one to go on from.
function M.next()
  return drawer().move(1)
end

---Show the previous suggestion for this place.
---@return boolean # Whether there was one to go on from.
function M.previous()
  return drawer().move(-1)
end

---The state of the server of the current buffer, for 'statusline' and anything that takes a function: short, with percent
---signs doubled; '' where there is none.
---@return string
function M.statusline()
  return require('codeassist.status').statusline()
end

---What an `on_attach` of your own has to call, which replaces the one of lsp/codeassist.lua.
---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  require('codeassist.attach').attach(client, buffer)
end

return M
