-- `:Codeassist`: everything that can be asked of codeassist, by name.

local M = {}

---@alias codeassist.CommandLine vim.api.keyset.create_user_command.command_args

---@class codeassist.Subcommand
---@field about string
---@field words? fun(lead: string): string[] What may follow the name.
---@field named? boolean Whether something else may, which is not known here.
---@field run fun(word: string?, options: codeassist.CommandLine): string? Returns why it cannot be done.

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify('codeassist: ' .. text, level or vim.log.levels.INFO)
end

---@param client vim.lsp.Client
---@param command string
---@param arguments any[]
---@param done? fun(result: any)
local function execute(client, command, arguments, done)
  local request = { command = command, arguments = arguments }
  client:request('workspace/executeCommand', request, function(failure, result)
    if failure then
      say(failure.message, vim.log.levels.ERROR)
    elseif done then
      done(result)
    end
  end)
end

---@param run fun(client: vim.lsp.Client, word: string?, options: codeassist.CommandLine): string?
---@param find 'of'|'any' Whose client: the buffer's alone, or another one if it has none.
---@return fun(word: string?, options: codeassist.CommandLine): string?
local function with_client(run, find)
  return function(word, options)
    local client, reason = require('codeassist.server')[find](vim.api.nvim_get_current_buf())
    if not client then
      return reason
    end
    return run(client, word, options)
  end
end

---@return string[]
local function filetypes()
  local config = require('codeassist.server').config()
  return config and config.filetypes or {}
end

---@param pause boolean
---@return fun(client: vim.lsp.Client, language: string?): string?
local function pauses(pause)
  return function(client, language)
    local session = require('codeassist.session')
    if not language then
      session.pause(client, pause)
      local where = client.root_dir and vim.fn.fnamemodify(client.root_dir, ':~') or 'files without a workspace'
      say(('%s in %s, as long as this Neovim runs'):format(pause and 'paused' or 'resumed', where))
      return nil
    end
    local served = filetypes()
    if #served > 0 and not vim.tbl_contains(served, language) then
      return ('%s is no filetype that codeassist serves: %s'):format(language, table.concat(served, ', '))
    end
    session.pause_language(language, pause)
    local own = vim.tbl_get(session.own(client), 'completion', 'languages_off') or {}
    if not pause and vim.tbl_contains(own, language) then
      return ('completion.languages_off of your settings has %s'):format(language)
    end
    say(('completions in %s are %s, as long as this Neovim runs'):format(language, pause and 'off' or 'on again'))
    return nil
  end
end

---@param client vim.lsp.Client
local function status(client)
  execute(client, 'codeassist.showStatus', {}, function(found)
    local state = require('codeassist.status')
    local session = require('codeassist.session')
    local parts = { ('codeassist is %s%s'):format(found.state, session.is_paused(client) and ', paused here' or '') }
    if found.message and found.message ~= '' then
      table.insert(parts, (found.message:gsub('%c', ' ')))
    end
    vim.list_extend(parts, state.facts(found))
    for _, language in ipairs(session.all_off()) do
      table.insert(parts, 'off in ' .. language)
    end
    vim.api.nvim_echo({ { table.concat(parts, ' · ') } }, true, {})
  end)
end

---@param client vim.lsp.Client
local function reconnect(client)
  execute(client, 'codeassist.restartModel', {}, function()
    say('the connection to the model is made anew')
  end)
end

---@param _ string?
---@param options codeassist.CommandLine
local function log(_, options)
  local path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
  vim.cmd.split({ args = { vim.fn.fnameescape(path) }, mods = options.smods })
  vim.bo.readonly = true
  vim.cmd.normal({ args = { 'G' }, bang = true })
end

---@return string?
local function cancel()
  local found = require('codeassist.models').cancel()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codeassist' })) do
    local running = client.progress.pending --[[@as table<lsp.ProgressToken, any>]]
    for token in pairs(running) do
      found = true
      client:notify('window/workDoneProgress/cancel', { token = token })
    end
  end
  return not found and 'nothing runs that could be cancelled' or nil
end

---@param _ string?
---@param options codeassist.CommandLine
---@return string?
local function doctor(_, options)
  local client = require('codeassist.server').any(vim.api.nvim_get_current_buf())
  return require('codeassist.doctor').examine(client, options.smods)
end

---@param name string?
local function pull(name)
  local client = require('codeassist.server').any(vim.api.nvim_get_current_buf())
  require('codeassist.models').pull(client, name, function()
    if client and not client:is_stopped() then
      reconnect(client)
    end
  end)
end

---@type table<string, codeassist.Subcommand>
local SUBCOMMANDS = {
  status = { about = 'the state of the server, the model and the latency', run = with_client(status, 'any') },
  review = {
    about = 'review this file; `review changes`: what changed in all open files',
    words = function()
      return { 'changes' }
    end,
    run = with_client(function(client, word)
      return require('codeassist.reviewing').review(client, word)
    end, 'of'),
  },
  pause = {
    about = 'no completions and no reviews on save in this workspace; with a filetype: no completions there',
    words = filetypes,
    run = with_client(pauses(true), 'any'),
  },
  resume = { about = 'the end of a pause', words = filetypes, run = with_client(pauses(false), 'any') },
  model = {
    about = 'choose the model that completes',
    named = true,
    run = with_client(function(client, name)
      require('codeassist.models').choose(client, name)
    end, 'any'),
  },
  pull = { about = 'download an embedded model', named = true, run = pull },
  cancel = { about = 'end a download, or reviews that run', run = cancel },
  trace = {
    about = 'what the last requests did, stage by stage',
    run = with_client(function(client, _, options)
      require('codeassist.trace').show(client, options.smods)
    end, 'any'),
  },
  dismissed = {
    about = 'show the dismissed findings of this file again',
    run = with_client(function(client)
      execute(client, 'codeassist.restoreDismissed', { vim.uri_from_bufnr(0) })
    end, 'of'),
  },
  doctor = { about = 'what works, what does not, and what mends it', run = doctor },
  restart = {
    about = 'start the language server anew',
    run = function()
      return require('codeassist.renew').run(vim.api.nvim_get_current_buf())
    end,
  },
  reconnect = { about = 'connect to the model anew', run = with_client(reconnect, 'any') },
  log = { about = "the log of Neovim's language clients, in which the server writes", run = log },
}

---The names of the subcommands.
---@return string[]
function M.names()
  return vim.fn.sort(vim.tbl_keys(SUBCOMMANDS))
end

local function menu()
  vim.ui.select(M.names(), {
    prompt = 'codeassist:',
    kind = 'codeassist.menu',
    format_item = function(name)
      return ('%-10s %s'):format(name, SUBCOMMANDS[name].about)
    end,
  }, function(name)
    if name then
      vim.cmd.Codeassist(name)
    end
  end)
end

---What `:Codeassist` does.
---@param options codeassist.CommandLine
function M.run(options)
  local name, word = options.fargs[1], options.fargs[2]
  if not name then
    menu()
    return
  end
  local subcommand = SUBCOMMANDS[name]
  if not subcommand then
    say(('there is no %s; there are: %s'):format(name, table.concat(M.names(), ', ')), vim.log.levels.ERROR)
    return
  end
  local most = (subcommand.words or subcommand.named) and 2 or 1
  local too_many = vim.list_slice(options.fargs, most + 1)[1]
  local reason = too_many and ('%s is too much after %s'):format(too_many, name) or subcommand.run(word, options)
  if reason then
    say(reason, vim.log.levels.ERROR)
  end
end

---What may stand at the cursor of a command line that begins with `:Codeassist`.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local before = vim.split(line:sub(1, #line - #lead), '%s+', { trimempty = true })
  local found = M.names()
  local at = 0
  for number, word in ipairs(before) do
    if vim.startswith('Codeassist', word) and #word > 1 then
      at = number
      break
    end
  end
  local behind = #before - at
  if behind > 0 then
    local subcommand = SUBCOMMANDS[before[at + 1]]
    found = behind == 1 and subcommand and subcommand.words and subcommand.words(lead) or {}
  end
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, found)
end

return M
