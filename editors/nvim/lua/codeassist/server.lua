-- The language server as it is configured: its command, the client that a buffer has, or why there is none.

local M = {}

---Where programs are started: `python -m` looks for its modules there, and what is worked on, or the user's home, may
---have a `json.py`.
local HERE = vim.fs.dirname(assert(debug.getinfo(1, 'S')).source:sub(2))

---What is configured for every server of ours; nil if lsp/codeassist.lua was not found.
---@return vim.lsp.Config?
function M.config()
  local all = vim.lsp.config --[[@as table<string, vim.lsp.Config?>]]
  return all.codeassist
end

---The words that start codeassist; a sub-command comes behind them. Nil if they are not known, because the user gave a
---function in their place.
---@param client? vim.lsp.Client
---@return string[]?
function M.command(client)
  local config = client and client.config or M.config()
  local cmd = config and config.cmd
  if type(cmd) ~= 'table' then
    return nil
  end
  local words = vim.deepcopy(cmd)
  for number, word in ipairs(words) do
    if word == 'lsp' then
      return vim.list_slice(words, 1, number - 1)
    end
  end
  return words
end

---@param settings table<string, any>
---@param prefix string
---@param variables table<string, string>
---@return table<string, string>
local function as_variables(settings, prefix, variables)
  for key, value in pairs(settings) do
    local name = prefix .. tostring(key):upper()
    if type(value) == 'table' and not vim.islist(value) then
      as_variables(value, name .. '__', variables)
    elseif type(value) == 'string' then
      variables[name] = value
    elseif value ~= vim.NIL then
      variables[name] = vim.json.encode(value)
    end
  end
  return variables
end

---What takes a stream piece by piece, and gives its lines.
---@param on_line fun(line: string)
---@return fun(failure: string?, piece: string?)
local function by_line(on_line)
  local begun = ''
  return vim.schedule_wrap(function(_, piece)
    local lines = vim.split(begun .. (piece or ''), '[\r\n]+')
    begun = piece and table.remove(lines) or ''
    for _, line in ipairs(lines) do
      if line ~= '' then
        on_line(line)
      end
    end
  end)
end

---@class codeassist.Invocation
---@field words string[]
---@field env table<string, string>

---How a sub-command is run, with what Neovim has configured as environment; or else why it cannot be.
---@param words string[] The sub-command and what it is told.
---@param client? vim.lsp.Client
---@return codeassist.Invocation?, string?
local function invocation(words, client)
  local command = M.command(client)
  if not command then
    return nil, 'the command is not known: `cmd` of vim.lsp.config.codeassist is a function'
  end
  local missing = M.missing(command)
  if missing then
    return nil, missing
  end
  local config = client and client.config or M.config()
  local settings = client and require('codeassist.session').settings(client)
    or vim.tbl_get(config or {}, 'settings', 'codeassist')
    or {}
  local env = as_variables(settings, 'CODEASSIST_', vim.deepcopy(config and config.cmd_env or {}))
  vim.list_extend(command, words)
  return { words = command, env = env }
end

---Run a sub-command. `on_line` gets each line of its output, of both kinds; `ended` its exit status. Returns why it
---cannot be run, if so.
---@param words string[] The sub-command and what it is told.
---@param client? vim.lsp.Client
---@param on_line fun(line: string)
---@param ended fun(result: vim.SystemCompleted)
---@return vim.SystemObj?, string?
function M.run(words, client, on_line, ended)
  local how, reason = invocation(words, client)
  if not how then
    return nil, reason
  end
  return vim.system(how.words, {
    cwd = HERE,
    env = how.env,
    text = true,
    stdout = by_line(on_line),
    stderr = by_line(on_line),
  }, vim.schedule_wrap(ended))
end

---Run a sub-command in the same way to its end, or to that of the time that it has. Returns what it wrote on stdout, or
---why it did not come to its end; an exit status other than 0 is none.
---@param words string[]
---@param client? vim.lsp.Client
---@param limit_ms integer
---@return string?, string?
function M.wait(words, client, limit_ms)
  local how, reason = invocation(words, client)
  if not how then
    return nil, reason
  end
  local options = { cwd = HERE, env = how.env, text = true, timeout = limit_ms }
  local result = vim.system(how.words, options):wait()
  if result.signal ~= 0 or result.code == 124 then
    return nil, ('no answer within %d s'):format(limit_ms / 1000)
  end
  return result.stdout ~= '' and result.stdout or nil, vim.trim(result.stderr or '')
end

---Why a command cannot be started, and what mends it; nil if it can.
---@param command string[]
---@return string?
function M.missing(command)
  local program = command[1] or ''
  if vim.fn.executable(program) == 1 then
    return nil
  end
  return ('the language server is not there: `%s` is no program%s. %s'):format(
    program,
    program:find('[/\\]') and '' or ' on PATH',
    "Install it (`pip install '.[embedded]'` in a clone of codeassist), or name it: "
      .. "vim.lsp.config('codeassist', { cmd = { '/path/to/codeassist', 'lsp' } })"
  )
end

---The clients whose servers have not answered yet: Neovim lists only the others by itself.
---@param buffer? integer only those of this buffer
---@return vim.lsp.Client[]
function M.starting(buffer)
  local filter = { name = 'codeassist', bufnr = buffer, _uninitialized = true }
  return vim.tbl_filter(function(client)
    return not client.initialized
  end, vim.lsp.get_clients(filter))
end

---The client of a buffer, or else why it has none and what to do, as one sentence or two.
---@param buffer integer
---@param to_start? boolean whether it is enough that one could be started
---@return vim.lsp.Client?, string?
function M.of(buffer, to_start)
  local client = vim.lsp.get_clients({ bufnr = buffer, name = 'codeassist' })[1]
  if client then
    return client
  end
  local config = M.config()
  if not config then
    return nil, "lsp/codeassist.lua is not on 'runtimepath'"
  end
  local command = M.command()
  local missing = command and M.missing(command)
  if missing then
    return nil, missing
  end
  if not vim.lsp.is_enabled('codeassist') then
    return nil, "it is not enabled; put vim.lsp.enable('codeassist') into your init.lua"
  end
  local filetype = vim.bo[buffer].filetype
  if filetype == '' or not vim.tbl_contains(config.filetypes or { filetype }, filetype) then
    local what = filetype == '' and 'a buffer without a filetype' or ('the filetype %s'):format(filetype)
    return nil, ('%s is not among those that it serves'):format(what)
  end
  if vim.bo[buffer].buftype ~= '' then
    return nil, 'this buffer is not a file'
  end
  if to_start then
    return nil, nil
  end
  local state = #M.starting(buffer) > 0 and 'it is starting, and has not answered yet'
    or 'it is not attached to this buffer: it is starting, or it has ended'
  return nil, state .. '; `:Codeassist restart` starts it anew, `:Codeassist log` shows what it said'
end

---The client of a buffer, or any other if it has none; else why there is none.
---@param buffer integer
---@return vim.lsp.Client?, string?
function M.any(buffer)
  local client, reason = M.of(buffer)
  client = client or vim.lsp.get_clients({ name = 'codeassist' })[1]
  if client then
    return client
  end
  return nil, reason
end

return M
