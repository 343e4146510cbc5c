-- Another model: chosen from what the server offers, downloaded first where it has to be.

local server = require('codeassist.server')
local session = require('codeassist.session')
local status = require('codeassist.status')

local M = {}

---One answer of `codeassist.models`.
---@class codeassist.Choice
---@field name string
---@field setting string
---@field detail string
---@field installed boolean
---@field current boolean

---@class codeassist.Download
---@field process vim.SystemObj
---@field done string how much of it is there
---@field cancelled boolean

---@type codeassist.Download?
local download

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify('codeassist: ' .. text, level or vim.log.levels.INFO)
end

---How much of a model has been downloaded, such as `12 %`; nil if none is on its way.
---@return string?
function M.downloaded()
  return download and download.done
end

---End a download. What was fetched stays, and the next one goes on from there. False if there is none.
---@return boolean
function M.cancel()
  if not download then
    return false
  end
  download.cancelled = true
  download.process:kill('sigterm')
  return true
end

---How much is done, in percent, as `codeassist models pull` writes it.
---@param line string
---@return string?
local function percentage(line)
  local done, all = line:match('([%d,]+) of ([%d,]+) MB')
  local part, whole = tonumber((done or ''):gsub(',', ''), 10), tonumber((all or ''):gsub(',', ''), 10)
  return part and whole and whole > 0 and ('%d %%'):format(math.min(100, 100 * part / whole)) or nil
end

---Download an embedded model, the usual one if no name is given.
---@param client? vim.lsp.Client
---@param name? string
---@param done fun() called when it is there
function M.pull(client, name, done)
  if download then
    say('a model is being downloaded; `:Codeassist cancel` ends that', vim.log.levels.WARN)
    return
  end
  local last = ''
  local mine ---@type codeassist.Download?
  local function changed()
    if client then
      status.changed(client.id)
    end
  end
  local process, reason = server.run({ 'models', 'pull', name }, client, function(line)
    last = line
    if mine then
      mine.done = percentage(line) or mine.done
      vim.api.nvim_echo({ { 'codeassist: ' .. line } }, false, {}) -- The statusline has it for longer.
      changed()
    end
  end, function(result)
    local cancelled = mine and mine.cancelled
    download = nil
    changed()
    if result.code == 0 and result.signal == 0 then
      say(last)
      done()
    elseif cancelled then
      say('the download is cancelled; the next one goes on where it stopped')
    else
      say('the model is not there yet. ' .. last, vim.log.levels.ERROR)
    end
  end)
  if not process then
    say(reason or '', vim.log.levels.ERROR)
    return
  end
  mine = { process = process, done = '0 %', cancelled = false }
  download = mine
  say(('downloading %s; `:Codeassist cancel` ends that'):format(name or 'the embedded model'))
  changed()
end

---@param choice codeassist.Choice
local function use(choice)
  session.choose(choice.setting, choice.name)
  local keeping = 'To keep that, put `%s = "%s"` into your config.toml, or into `settings` of vim.lsp.config'
  say(('%s completes in this Neovim. ' .. keeping):format(choice.name, choice.setting, choice.name))
end

---@param client vim.lsp.Client
---@param choice codeassist.Choice
local function take(client, choice)
  if choice.installed then
    use(choice)
    return
  end
  M.pull(client, choice.name, function()
    use(choice)
  end)
end

---Let the user choose the model that completes, or take the one of a name.
---@param client vim.lsp.Client
---@param name? string
function M.choose(client, name)
  client:request('workspace/executeCommand', { command = 'codeassist.models' }, function(failure, offered)
    if failure then
      say(failure.message, vim.log.levels.ERROR)
      return
    end
    ---@cast offered codeassist.Choice[]
    if name then
      for _, choice in ipairs(offered) do
        if choice.name == name then
          take(client, choice)
          return
        end
      end
      local names = vim.tbl_map(function(choice)
        return choice.name
      end, offered)
      say(('there is no model %s; there are: %s'):format(name, table.concat(names, ', ')), vim.log.levels.ERROR)
      return
    end
    vim.ui.select(offered, {
      prompt = 'The model that completes:',
      kind = 'codeassist.model',
      ---@param choice codeassist.Choice
      format_item = function(choice)
        local about = { choice.current and 'in use' or nil }
        if choice.detail ~= '' then
          table.insert(about, choice.detail)
        end
        if not choice.installed then
          table.insert(about, 'will be downloaded')
        end
        return choice.name .. (#about > 0 and (' (%s)'):format(table.concat(about, ', ')) or '')
      end,
    }, function(choice)
      if choice then
        take(client, choice)
      end
    end)
  end)
end

return M
