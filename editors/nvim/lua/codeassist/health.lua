-- `:checkhealth codeassist`: what works, what does not, and what mends it.

local server = require('codeassist.server')

local M = {}

local health = vim.health

---The version of this plugin; the language server should be of the same.
M.version = '0.1.0'

local VERSION_LIMIT_MS = 10000
---The doctor may have to start the embedded engine.
local DOCTOR_LIMIT_MS = 90000

---Plugins that draw ghost text of their own: their name, and a variable or a module by which they are known.
local OTHERS = {
  { name = 'copilot.vim', variable = 'loaded_copilot' },
  { name = 'copilot.lua', module = 'copilot' },
  { name = 'supermaven-nvim', module = 'supermaven-nvim' },
  { name = 'codeium.vim', variable = 'loaded_codeium' },
  { name = 'windsurf.nvim', module = 'codeium' },
  { name = 'minuet-ai.nvim', module = 'minuet' },
  { name = 'tabnine-nvim', module = 'tabnine' },
}

local function check_neovim()
  health.start('Neovim')
  local version = vim.fn.matchstr(vim.fn.execute('version'), [[\vNVIM v\zs\S+]])
  if vim.fn.has('nvim-0.11') == 0 then
    health.error(('Neovim is %s'):format(version), 'Install Neovim 0.11 or later')
    return
  end
  health.ok(('Neovim is %s'):format(version))
  local config = require('codeassist.config')
  local _, problems = config.read()
  for _, problem in ipairs(problems) do
    health.warn(problem, 'See :help codeassist-options')
  end
  local drawer = config.drawer()
  local drawn = { neovim = 'vim.lsp.inline_completion, of Neovim itself', own = 'drawn by this plugin' }
  if drawer then
    health.ok('Ghost text: ' .. drawn[drawer])
  else
    health.info('Ghost text is off; suggestions are items of the completion menu')
  end
end

---@return boolean # Whether the server can be started.
local function check_command()
  health.start('Language server')
  if not server.config() then
    health.error("lsp/codeassist.lua is not on 'runtimepath'", "vim.opt.runtimepath:append('…/editors/nvim')")
    return false
  end
  local command = server.command()
  if not command then
    health.info('`cmd` of vim.lsp.config.codeassist is a function: the program is not looked at')
    return false
  end
  local said, reason = server.wait({ '--version' }, nil, VERSION_LIMIT_MS)
  local version = said and said:match('^codeassist (%d%S*)')
  local named = table.concat(command, ' ')
  if not version then
    local mend = 'Set `cmd` in vim.lsp.config, and try `%s --version` in a terminal'
    health.error(('`%s` does not say its version: %s'):format(named, reason or said or ''), mend:format(named))
    return false
  end
  local path = vim.fn.exepath(command[1] or '')
  if version == M.version then
    health.ok(('codeassist %s: %s'):format(version, path))
  else
    health.warn(
      ('codeassist %s: %s; this plugin is of version %s'):format(version, path, M.version),
      'Update the older one of both'
    )
  end
  return true
end

local function check_clients()
  local enabled = vim.lsp.is_enabled('codeassist')
  local clients = vim.lsp.get_clients({ name = 'codeassist' })
  if not enabled and #clients + #server.starting() == 0 then
    health.warn('It is not enabled', "Put vim.lsp.enable('codeassist') into your init.lua")
    return
  end
  for _, client in ipairs(server.starting()) do
    local what = 'Client %d is starting, and has not answered yet'
    health.warn(what:format(client.id), 'If it stays so, see :Codeassist log, and try :Codeassist restart')
  end
  if #clients == 0 and #server.starting() == 0 then
    health.info('It is enabled and does not run: no open file is of a filetype that it serves')
    return
  end
  local state, session = require('codeassist.status'), require('codeassist.session')
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_count(client.attached_buffers)
    local where = client.root_dir and vim.fn.fnamemodify(client.root_dir, ':~') or 'files without a workspace'
    local status = state.of(client)
    local line = ('Client %d: %s, %d buffer%s'):format(client.id, where, buffers, buffers == 1 and '' or 's')
    if not status then
      health.warn(line .. ', has not said its state yet', 'See :Codeassist log')
    elseif status.state == 'degraded' then
      health.warn(('%s, is degraded: %s'):format(line, status.message), 'See what the doctor says below')
    else
      local said = { ('%s, is %s'):format(line, status.state), unpack(state.facts(status)) }
      if status.message ~= '' then
        table.insert(said, status.message)
      end
      health.ok(table.concat(said, ' · '))
    end
    if session.is_paused(client) then
      health.info('It is paused there; `:Codeassist resume` ends that')
    end
  end
  for _, filetype in ipairs(session.all_off()) do
    health.info(('Completions are off in %s; `:Codeassist resume %s` ends that'):format(filetype, filetype))
  end
end

---@class codeassist.Check
---@field name string
---@field state 'ok'|'warning'|'failed'
---@field message string
---@field mend string

local function check_doctor()
  health.start('Doctor')
  local client = vim.lsp.get_clients({ name = 'codeassist' })[1]
  local said, reason = server.wait({ 'doctor', '--json' }, client, DOCTOR_LIMIT_MS)
  local fine, report = pcall(vim.json.decode, said or '')
  if not said or not fine then
    health.error(('The doctor says nothing: %s'):format(reason or ''), 'See :Codeassist doctor')
    return
  end
  for _, check in ipairs(report.checks) do ---@cast check codeassist.Check
    local line = ('%s: %s'):format(check.name, check.message)
    if check.state == 'ok' then
      health.ok(line)
    elseif check.state == 'warning' then
      health.warn(line, check.mend)
    else
      health.error(line, check.mend)
    end
  end
end

local function check_keys()
  health.start('Keys')
  local keys = require('codeassist.config').read().keys
  if not keys then
    health.info("None is mapped: require('codeassist').setup() maps some, see :help codeassist-keys")
    return
  end
  local found = false
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codeassist' })) do
    for buffer in pairs(client.attached_buffers) do
      for name, key in vim.spairs(keys) do
        local mapping = key
          and vim.api.nvim_buf_call(buffer, function()
            return vim.fn.maparg(key or '', 'i', false, true)
          end)
        if mapping and not vim.startswith(mapping.desc or '', 'codeassist: ') then
          found = true
          local what = mapping.desc or mapping.rhs or 'a function'
          health.warn(
            ('%s, which is to %s, is mapped to something else in buffer %d: %s'):format(
              key,
              name:gsub('_', ' '),
              buffer,
              what
            ),
            ("Choose another key: require('codeassist').setup({ keys = { %s = … } })"):format(name)
          )
        end
      end
    end
  end
  if not found then
    local names = {} ---@type string[]
    for name, key in vim.spairs(keys) do
      table.insert(names, ('%s: %s'):format(name, key or 'none'))
    end
    health.ok(table.concat(names, ', '))
  end
end

local function check_others()
  health.start('Other plugins')
  local found = {} ---@type string[]
  for _, other in ipairs(OTHERS) do
    if other.variable and vim.g[other.variable] or other.module and package.loaded[other.module] then
      table.insert(found, other.name)
    end
  end
  for _, client in ipairs(vim.lsp.get_clients({ method = 'textDocument/inlineCompletion' })) do
    if client.name ~= 'codeassist' then
      table.insert(found, ('the language server %s'):format(client.name))
    end
  end
  if #found == 0 then
    health.ok('No other one draws ghost text')
    return
  end
  health.warn(
    ('Ghost text is drawn by %s, too: one hides the other'):format(table.concat(found, ' and ')),
    "Switch one of them off; vim.g.codeassist = { ghost_text = false } leaves codeassist's to the completion menu"
  )
end

---Report on everything, as `:checkhealth codeassist` does.
function M.check()
  check_neovim()
  local can_start = check_command()
  check_clients()
  if can_start then
    check_doctor()
  end
  check_keys()
  check_others()
end

return M
