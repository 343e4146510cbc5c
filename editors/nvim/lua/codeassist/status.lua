-- What the language server last said of itself, for the statusline and for whoever wants to know.

local M = {}

---The notification `codeassist/status`. `latencyMs` is that of the last completion, `cachedShare` of its prompt (0 to 1).
---@class codeassist.Status
---@field state 'ready'|'busy'|'degraded'|'off'
---@field message string
---@field reason? string
---@field model? string
---@field latencyMs? number
---@field cachedShare? number

local LONGEST_MESSAGE = 40

---@type table<integer, codeassist.Status>
local last = {}
local in_statusline = false

---@param value any
---@return any value without vim.NIL
local function given(value)
  return value ~= vim.NIL and value or nil
end

---The handler of `codeassist/status`.
---@param status codeassist.Status
---@param context lsp.HandlerContext
function M.told(status, context)
  for id in pairs(last) do
    if not vim.lsp.get_client_by_id(id) then
      last[id] = nil -- Its server has ended.
    end
  end
  last[context.client_id] = status
  M.changed(context.client_id)
end

---Tell everybody that something about a client is different now.
---@param client_id integer
function M.changed(client_id)
  local data = { client_id = client_id, status = last[client_id] }
  vim.api.nvim_exec_autocmds('User', { pattern = 'CodeassistStatus', modeline = false, data = data })
  if in_statusline then
    vim.cmd.redrawstatus({ bang = true })
  end
end

---The last status of a client; nil before its server has said one.
---@param client vim.lsp.Client
---@return codeassist.Status?
function M.of(client)
  return last[client.id]
end

---The model and the figures of a status, each as a phrase.
---@param status codeassist.Status
---@return string[]
function M.facts(status)
  local facts = {} ---@type string[]
  local model, latency, share = given(status.model), given(status.latencyMs), given(status.cachedShare)
  if model and model ~= '' then
    table.insert(facts, 'model: ' .. model)
  end
  if latency then
    table.insert(facts, ('last completion: %d ms'):format(latency))
  end
  if share then
    table.insert(facts, ('prompt from the cache: %.0f %%'):format(share * 100))
  end
  return facts
end

---@param text string
---@return string text on one line, short
local function short(text)
  text = vim.trim((text:gsub('[%c%s]+', ' ')))
  if vim.fn.strchars(text) <= LONGEST_MESSAGE then
    return text
  end
  return vim.trim(vim.fn.strcharpart(text, 0, LONGEST_MESSAGE - 1)) .. '…'
end

---@param client vim.lsp.Client
---@param filetype string
---@return string
local function symbol(client, filetype)
  local downloading = require('codeassist.models').downloaded()
  if downloading then
    return '↓ ' .. downloading
  end
  local session = require('codeassist.session')
  if session.is_paused(client) then
    return 'paused'
  end
  local status = last[client.id]
  if not status or status.state == 'busy' then
    return '…'
  end
  if status.state == 'degraded' then
    return '⚠ ' .. short(status.message ~= '' and status.message or given(status.reason) or '')
  end
  if status.state == 'off' or session.is_off(filetype) then
    return 'off'
  end
  local latency = given(status.latencyMs)
  return latency and ('✓ %d ms'):format(latency) or '✓'
end

---The state of the language server of the current buffer, for 'statusline' and anything that takes a function: short,
---with percent signs doubled; '' where there is none.
---@return string
function M.statusline()
  in_statusline = true
  local client = vim.lsp.get_clients({ bufnr = 0, name = 'codeassist' })[1]
    or require('codeassist.server').starting(0)[1]
  if not client then
    return ''
  end
  return (('codeassist ' .. symbol(client, vim.bo.filetype)):gsub('%%', '%%%%'))
end

return M
