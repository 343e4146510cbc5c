-- Ghost text of our own: asks for suggestions while the user types, draws them and takes them.
--
-- Nothing here waits: the server knows how fast the user types. While what is typed agrees with what is shown, nothing
-- is asked; else the next request is sent before the one it supersedes is cancelled, so that the server can let it join.

local change = require('codeassist.change')
local cursor = require('codeassist.cursor')
local draw = require('codeassist.draw')
local moment = require('codeassist.moment')
local part = require('codeassist.part')
local report = require('codeassist.report')
local suggestion = require('codeassist.suggestion')

local METHOD = 'textDocument/inlineCompletion'
local BY_HAND, BY_ITSELF = 1, 2

---@class codeassist.Ghost
---@field buffer integer
---@field group integer
---@field clients table<integer, true>
---@field pending table<integer, integer> By client, what was asked and not answered yet.
---@field moment? codeassist.Moment The last that was looked at.
---@field items { client_id: integer, item: table }[] What there is for it.
---@field index integer The one that is shown.
---@field current? codeassist.Suggestion
---@field left? codeassist.Left What is drawn of it.
---@field told? codeassist.Suggestion The last that the server knows to be shown.
---@field dismissed? integer The text in which the user wants none.
local Ghost = {}
Ghost.__index = Ghost

local M = {}

---@type table<integer, codeassist.Ghost|nil>
local ghosts = {}

---@param requests table<integer, integer> By client.
local function cancel(requests)
  for client_id, request in pairs(requests) do
    local client = vim.lsp.get_client_by_id(client_id)
    if client then
      client:cancel_request(request)
    end
  end
end

---@return codeassist.Ghost?
local function here()
  return ghosts[vim.api.nvim_get_current_buf()]
end

---@return boolean
function Ghost:may_show()
  return vim.api.nvim_get_current_buf() == self.buffer
    and vim.startswith(vim.api.nvim_get_mode().mode, 'i')
    and vim.bo.modifiable
    and vim.bo.buftype == ''
    and not vim.o.paste -- Then no key could take it.
    -- What a macro does must not depend on what a model says.
    and vim.fn.reg_recording() == ''
    and vim.fn.reg_executing() == ''
end

function Ghost:hide()
  if self.left then
    self.left = nil
    draw.clear(self.buffer)
  end
end

---Nothing is suggested any more.
function Ghost:clear()
  self:hide()
  self.items, self.index = {}, 0
  if self.current then
    self.current:forget()
    self.current = nil
  end
end

---Nothing is suggested any more, and nothing to come is wanted.
function Ghost:stop()
  self:clear()
  cancel(self.pending)
  self.pending = {}
end

---Draw what is left of the suggestion, unless a menu is in the way.
---@return boolean # Whether it still fits.
function Ghost:show()
  local current = self.current
  local left = current and current:left()
  if not current or not left then
    return false
  end
  local chosen = self.moment and self.moment.menu
  if chosen then
    local whole = cursor.line_before():sub(chosen.column + 1) .. left.rest
    -- The menu lies over lines below. What does not go with it now may when the user moves on in it, or closes it.
    if not vim.startswith(whole, chosen.text) or left.rest:find('\n', 1, true) then
      self:hide()
      return true
    end
  end
  self.left = left
  draw.draw(left)
  if self.told ~= current then
    self.told = current
    report.shown(current.client_id, current.command)
  end
  return true
end

---Show the item of that number, counted on beyond the last from the first.
---@param index integer
function Ghost:choose(index)
  if self.current then
    self.current:forget()
    self.current = nil
  end
  self.index = (index - 1) % #self.items + 1
  local chosen = self.items[self.index]
  local client = chosen and vim.lsp.get_client_by_id(chosen.client_id)
  if chosen and client then
    self.current = suggestion.new(self.buffer, client, chosen.item)
  end
  if not self:show() then
    self:hide()
  end
end

---@param kind integer
function Ghost:ask(kind)
  local superseded, asked = self.pending, moment.now()
  self.pending, self.moment = {}, asked
  for client_id in pairs(self.clients) do
    local client = vim.lsp.get_client_by_id(client_id)
    if client then
      ---@param _ any
      ---@param result any
      local function answered(_, result)
        if self.moment == asked and self.pending[client_id] then
          self.pending[client_id] = nil
          self:offered(client_id, result)
        end
      end
      -- With the buffer's real number: Neovim 0.11 does not send what was changed in buffer 0 first.
      local sent, request = client:request(METHOD, moment.params(asked, client, kind), answered, self.buffer)
      self.pending[client_id] = sent and request or nil
    end
  end
  cancel(superseded)
end

---@param client_id integer
---@param result any
function Ghost:offered(client_id, result)
  -- What was changed since will be asked for, or is being asked for already.
  if not self:may_show() or not self.moment or not moment.is_now(self.moment) then
    return
  end
  for _, item in ipairs(suggestion.items(result)) do
    table.insert(self.items, { client_id = client_id, item = item })
  end
  if #self.items > 0 and not self.current then
    self:choose(1)
  end
end

---Look at what the user did.
function Ghost:refresh()
  if not self:may_show() then
    self.moment = nil
    self:stop()
    return
  end
  local now = moment.now()
  if vim.deep_equal(now, self.moment) then
    return
  end
  self.moment = now
  if self:show() then
    return
  end
  if self.dismissed == now.tick then
    self:stop()
    return
  end
  self.dismissed = nil
  self:clear()
  self:ask(BY_ITSELF)
end

---@param much codeassist.Much
function Ghost:take(much)
  local current = self.current
  local left = current and current:left()
  if not current or not left or not self:may_show() then
    return -- Something was typed between the key and now that does not agree.
  end
  local taken = part.of(left.rest, much)
  change.insert(suggestion.edit(left, #taken))
  if taken == left.rest then
    self:clear()
    report.accepted(current.client_id, current.command, self.buffer)
  else
    report.partly(current.client_id, current.command, left.typed .. taken)
    self:refresh()
  end
end

---@param client_id integer
function Ghost:leave(client_id)
  self.clients[client_id] = nil
  self.pending[client_id] = nil
  if next(self.clients) then
    if self.current and self.current.client_id == client_id then
      self:clear()
    end
    return
  end
  self:stop()
  vim.api.nvim_del_augroup_by_id(self.group)
  ghosts[self.buffer] = nil
end

---@param buffer integer
---@return codeassist.Ghost
local function new(buffer)
  local group = vim.api.nvim_create_augroup('codeassist.ghost.' .. buffer, {})
  local self = setmetatable({
    buffer = buffer,
    group = group,
    clients = {},
    pending = {},
    items = {},
    index = 0,
  }, Ghost)
  ---@param events string[]
  ---@param callback fun()
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buffer, callback = callback })
  end
  local function refresh()
    if ghosts[buffer] == self then
      self:refresh()
    end
  end
  on({ 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, refresh)
  on({ 'InsertEnter', 'CompleteChanged', 'CompleteDone' }, function()
    vim.schedule(refresh) -- The mode and the menu are those of before yet.
  end)
  on({ 'InsertLeave', 'BufLeave', 'WinLeave' }, function()
    self.moment = nil
    self:stop()
  end)
  return self
end

---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  draw.define_highlight()
  local ghost = ghosts[buffer] or new(buffer)
  ghosts[buffer] = ghost
  ghost.clients[client.id] = true
  ghost:refresh()
end

---@param client_id integer
---@param buffer integer
function M.detach(client_id, buffer)
  local ghost = ghosts[buffer]
  if ghost then
    ghost:leave(client_id)
  end
end

---Somebody else asks for this place: a second request would end the first.
function M.stand_back()
  local ghost = here()
  if ghost then
    ghost:stop()
    ghost.moment = moment.now()
  end
end

---Whether the ghost text of the current buffer is ours.
---@return boolean
function M.is_here()
  return here() ~= nil
end

---@return boolean
function M.visible()
  local ghost = here()
  return ghost ~= nil and ghost.left ~= nil
end

---@param much codeassist.Much
---@return boolean
function M.accept(much)
  local ghost = here()
  if not ghost or not ghost.left then
    return false
  end
  change.soon(function()
    ghost:take(much)
  end)
  return true
end

---@return boolean
function M.dismiss()
  local ghost = here()
  if not ghost or not ghost.left or not ghost.current then
    return false
  end
  report.rejected(ghost.current.client_id, ghost.current.command)
  ghost.dismissed = vim.api.nvim_buf_get_changedtick(ghost.buffer)
  ghost:stop()
  return true
end

---Show another suggestion. Where there is none, one is asked for by hand.
---@param count integer
---@return boolean
function M.move(count)
  local ghost = here()
  if not ghost or not ghost:may_show() then
    return false
  end
  if ghost.left then
    ghost:choose(ghost.index + count)
    return true
  end
  ghost.dismissed = nil
  ghost:clear() -- A menu may hide what is not wanted here.
  ghost:ask(BY_HAND)
  return true
end

return M
