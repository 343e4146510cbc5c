-- What was chosen for this Neovim only: pauses and another model. It lies over the user's own settings of each client,
-- and nothing of it is written anywhere.

local M = {}

---@type table<string, true> The roots of the workspaces that are paused.
local paused = {}
---@type table<string, true> The filetypes without completions.
local off = {}
---@type table<string, string> Other chosen settings, such as `engine.model`.
local chosen = {}

---@class codeassist.session.Settings
---@field own table what the user has configured
---@field sent table what was made of that

---@type table<integer, codeassist.session.Settings>
local known = {}

---@param client vim.lsp.Client
---@return string
local function place(client)
  return client.root_dir or ''
end

---@param settings table
---@param path string such as `engine.model`
---@param value any
local function put(settings, path, value)
  local keys = vim.split(path, '.', { plain = true })
  local last = table.remove(keys)
  for _, key in ipairs(keys) do
    settings[key] = settings[key] or {}
    settings = settings[key]
  end
  settings[last] = value
end

---The user's own settings of a client, whatever lies over them.
---@param client vim.lsp.Client
---@return table<string, any>
function M.own(client)
  local found = known[client.id]
  local settings = found and found.sent == client.settings and found.own or client.settings
  return settings.codeassist or {}
end

---The user's settings with what was chosen over them.
---@param client vim.lsp.Client
---@return table<string, any>
function M.settings(client)
  local settings = vim.deepcopy(M.own(client))
  for path, value in pairs(chosen) do
    put(settings, path, value)
  end
  if next(off) then
    local languages = vim.tbl_get(settings, 'completion', 'languages_off') or {}
    put(settings, 'completion.languages_off', vim.list_extend(vim.tbl_keys(off), languages))
  end
  if M.is_paused(client) then
    put(settings, 'completion.enabled', false)
    put(settings, 'review.on_save', false)
  end
  return settings
end

---Have a server take what was chosen; one that was started anew does not know of it.
---@param client vim.lsp.Client
function M.apply(client)
  local found = known[client.id]
  local own = found and found.sent == client.settings and found.own or client.settings
  local sent = vim.tbl_extend('force', own, { codeassist = M.settings(client) })
  known[client.id] = { own = own, sent = sent }
  client.settings = sent -- What the server gets when it asks.
  client:notify('workspace/didChangeConfiguration', { settings = sent })
  require('codeassist.status').changed(client.id)
end

---For a client that has begun: take over what was chosen before, if anything.
---@param client vim.lsp.Client
function M.began(client)
  if next(chosen) or next(off) or M.is_paused(client) then
    M.apply(client)
  end
end

local function apply_to_all()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codeassist' })) do
    M.apply(client)
  end
end

---@param client vim.lsp.Client
---@return boolean
function M.is_paused(client)
  return paused[place(client)] == true
end

---Stop completing and reviewing on save in the workspace of a client, or begin again.
---@param client vim.lsp.Client
---@param pause boolean
function M.pause(client, pause)
  paused[place(client)] = pause or nil
  M.apply(client)
end

---@param filetype string
---@return boolean
function M.is_off(filetype)
  return off[filetype] == true
end

---The filetypes without completions.
---@return string[]
function M.all_off()
  return vim.fn.sort(vim.tbl_keys(off))
end

---Stop completing in a language, or begin again.
---@param filetype string
---@param pause boolean
function M.pause_language(filetype, pause)
  off[filetype] = pause or nil
  apply_to_all()
end

---Use another value of a setting, such as `engine.model`.
---@param path string
---@param value string
function M.choose(path, value)
  chosen[path] = value
  apply_to_all()
end

return M
