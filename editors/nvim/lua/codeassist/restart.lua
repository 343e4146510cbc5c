-- Starts a server again that crashed, each time later, and after some times in a row only when the user asks.

local M = {}

local FIRST_MS, LONGEST_MS = 1000, 60000
local MOST_IN_A_ROW = 6
---A server that ran so long is well: what stopped it now is another matter.
local WELL_AFTER_MS = 60000
local SIGTERM = 15

---@class codeassist.Crashes
---@field in_a_row integer
---@field has_run? boolean It is no wrong command then.
---@field started_ms? number
---@field timer? table While it is to be started again.

---By workspace: each has a server of its own.
---@type table<string, codeassist.Crashes>
local crashes = {}

---@param root? string
---@return codeassist.Crashes
local function of(root)
  root = root or ''
  crashes[root] = crashes[root] or { in_a_row = 0 }
  return crashes[root]
end

---@return number
local function now_ms()
  return vim.uv.hrtime() / 1e6
end

---The server of a workspace runs.
---@param root? string
function M.started(root)
  local known = of(root)
  known.has_run = true
  known.started_ms = known.started_ms or now_ms()
end

---The server has stopped by itself. Milliseconds until the next try, nil if there is to be none.
---@param known codeassist.Crashes
---@return integer?
function M._stopped(known)
  local ran = known.started_ms and now_ms() - known.started_ms or 0
  known.started_ms = nil
  known.in_a_row = ran >= WELL_AFTER_MS and 1 or known.in_a_row + 1
  if known.in_a_row > MOST_IN_A_ROW then
    return nil
  end
  local wait = FIRST_MS * 2 ^ (known.in_a_row - 1) ---@cast wait integer
  return math.min(wait, LONGEST_MS)
end

---@param config vim.lsp.ClientConfig
---@param buffers integer[]
local function start(config, buffers)
  for _, buffer in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      vim.lsp.start(config, { bufnr = buffer })
    end
  end
end

---@param message string
---@param level integer
local function say(message, level)
  vim.notify('codeassist: ' .. message, level)
end

---@return string
local function log()
  return (vim.lsp.log.get_filename or vim.lsp.get_log_path)()
end

---@param root? string
---@param config vim.lsp.ClientConfig
---@param buffers integer[]
local function crashed(root, config, buffers)
  local known = of(root)
  if not known.has_run then
    crashes[root or ''] = nil
    say(('the language server does not start; what it said is in %s'):format(log()), vim.log.levels.ERROR)
    return
  end
  local wait = M._stopped(known)
  if not wait then
    crashes[root or ''] = nil
    local what = 'the language server stops again and again and is not started any more; what it said is in %s'
    say(what:format(log()), vim.log.levels.ERROR)
    return
  end
  say(('the language server has stopped; it starts again in %d s'):format(wait / 1000), vim.log.levels.WARN)
  local name = config.name or 'codeassist'
  local enabled = vim.lsp.is_enabled(name)
  known.timer = vim.defer_fn(function()
    known.timer = nil
    if not enabled or vim.lsp.is_enabled(name) then -- The user may have switched it off meanwhile.
      start(config, buffers)
    end
  end, wait)
end

---A client's server has ended. Called where Neovim's functions must not be.
---@param code integer
---@param signal integer
---@param client_id integer
function M.ended(code, signal, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  if not client then
    return
  end
  local root, config, buffers = client.root_dir, client.config, vim.tbl_keys(client.attached_buffers)
  local was_told = (code == 0 and signal == 0) or signal == SIGTERM
  vim.schedule(function()
    if was_told then
      crashes[root or ''] = nil
    elseif vim.v.exiting == vim.NIL and require('codeassist.config').get().restart then
      crashed(root, config, buffers)
    end
  end)
end

---Whether a server is about to be started again.
---@return boolean
function M.is_waiting()
  for _, known in pairs(crashes) do
    if known.timer then
      return true
    end
  end
  return false
end

return M
