-- What the user may set: `vim.g.codeassist = { … }`, or the same to `require('codeassist').setup()`, which goes before.
-- Settings of the language server itself are none of these: they go into vim.lsp.config('codeassist', { settings = … }).

local M = {}

---Keys of insert mode; false for none. Without a suggestion each does what it does without codeassist.
---@class codeassist.Keys
---@field accept? string|false
---@field accept_word? string|false
---@field accept_line? string|false
---@field dismiss? string|false
---@field next? string|false
---@field previous? string|false

---@class codeassist.Options
---@field ghost_text? 'auto'|'neovim'|'own'|false
---@field keys? codeassist.Keys|false
---@field restart? boolean

---@class codeassist.Config
---`neovim`: Neovim's own, 0.12 and later. `own`: codeassist's. `auto`: codeassist's for those who call `setup()`, who get
---its keys, too; else Neovim's where there is one, which is what they know who only enable a language server.
---false: none, and the server offers items for the completion menu instead.
---@field ghost_text 'auto'|'neovim'|'own'|false
---nil or false: no key is mapped.
---@field keys codeassist.Keys|false|nil
---Whether a server that crashed is started again.
---@field restart boolean

---@type codeassist.Keys
M.keys = {
  accept = '<Tab>',
  accept_word = '<M-Right>',
  accept_line = '<M-C-Right>',
  dismiss = '<C-]>',
  next = '<M-]>',
  previous = '<M-[>',
}

---@type codeassist.Config
M.defaults = {
  ghost_text = 'auto',
  keys = nil,
  restart = true,
}

---@type table<string, string> What each option may be, in words.
local allowed = {
  ghost_text = "'auto', 'neovim', 'own' or false",
  keys = 'a table of keys, or false',
  restart = 'true or false',
}

---@type table<string, fun(value: any): boolean>
local right = {
  ghost_text = function(value)
    return value == false or value == 'auto' or value == 'neovim' or value == 'own'
  end,
  keys = function(value)
    return value == false or type(value) == 'table'
  end,
  restart = function(value)
    return type(value) == 'boolean'
  end,
}

---@type codeassist.Options
local given = {}

---Whether `setup()` was called.
local is_set_up = false

---@param known table<string, any>
---@return string
local function names(known)
  local found = vim.tbl_keys(known)
  table.sort(found)
  return table.concat(found, ', ')
end

---@param keys table<any, any>
---@param where string
---@param problems string[]
---@return codeassist.Keys
local function checked_keys(keys, where, problems)
  local found = {}
  for name, key in pairs(keys) do
    if M.keys[name] == nil then
      table.insert(problems, ('%s: there is no key %s; there are %s'):format(where, vim.inspect(name), names(M.keys)))
    elseif key == false or (type(key) == 'string' and key ~= '') then
      found[name] = key
    else
      local what = ('%s: keys.%s is %s, it may be a key such as %q, or false'):format(
        where,
        name,
        vim.inspect(key),
        M.keys[name]
      )
      table.insert(problems, what)
    end
  end
  return found
end

---What is right of `options`. What is not is told in `problems`.
---@param options any
---@param where string
---@param problems string[]
---@return codeassist.Options
local function checked(options, where, problems)
  if type(options) ~= 'table' then
    table.insert(problems, ('%s is %s, it must be a table of options'):format(where, vim.inspect(options)))
    return {}
  end
  local found = {}
  for name, value in pairs(options) do
    if not right[name] then
      local what = ('%s: there is no option %s; there are %s'):format(where, vim.inspect(name), names(right))
      table.insert(problems, what)
    elseif not right[name](value) then
      local what = ('%s: %s is %s, it may be %s'):format(where, name, vim.inspect(value), allowed[name])
      table.insert(problems, what)
    elseif name == 'keys' and value then
      found.keys = checked_keys(value, where, problems)
    else
      found[name] = value
    end
  end
  return found
end

---@param config codeassist.Config
---@param options codeassist.Options
local function merge(config, options)
  for name, value in pairs(options) do
    local before = config[name]
    if type(value) == 'table' and type(before) == 'table' then
      value = vim.tbl_extend('force', before, value)
    end
    config[name] = value
  end
end

---The keys that hold, each for one thing only: what the user chose goes before what would be there.
---@param chosen codeassist.Keys
---@param problems string[]
---@return codeassist.Keys
local function all_keys(chosen, problems)
  local found = {} ---@type table<string, string|false>
  local owners = {} ---@type table<string, string>
  for name, key in vim.spairs(chosen) do
    local owner = key and owners[vim.keycode(key)]
    if owner then
      table.insert(problems, ('keys.%s and keys.%s are both %s; the first has it'):format(owner, name, key))
    elseif key then
      owners[vim.keycode(key)] = name
    end
    found[name] = not owner and key
  end
  for name, key in pairs(M.keys) do
    if found[name] == nil then
      found[name] = owners[vim.keycode(key)] == nil and key
    end
  end
  return found --[[@as codeassist.Keys]]
end

---What holds now, and what is wrong with what was set; wrong values count as if they were not there.
---@return codeassist.Config
---@return string[]
function M.read()
  local problems = {} ---@type string[]
  local found = vim.deepcopy(M.defaults) ---@type codeassist.Config
  if vim.g.codeassist ~= nil then
    merge(found, checked(vim.g.codeassist, 'vim.g.codeassist', problems))
  end
  merge(found, checked(given, "require('codeassist').setup()", problems))
  if found.keys then
    found.keys = all_keys(found.keys, problems)
  end
  return found, problems
end

---What holds now. The user is told once of each value that is wrong.
---@return codeassist.Config
function M.get()
  local found, problems = M.read()
  for _, problem in ipairs(problems) do
    vim.notify_once('codeassist: ' .. problem, vim.log.levels.ERROR)
  end
  return found
end

---@param options codeassist.Options
function M.set(options)
  given, is_set_up = options, true
end

---Who draws the ghost text here.
---@return 'neovim'|'own'|false
function M.drawer()
  local wanted = M.get().ghost_text
  if wanted == false then
    return false
  elseif wanted == 'own' or (wanted == 'auto' and is_set_up) then
    return 'own'
  end
  if wanted == 'neovim' and not vim.lsp.inline_completion then
    vim.notify_once("codeassist: ghost_text is 'neovim', which needs Neovim 0.12; 'own' is used", vim.log.levels.WARN)
  end
  return vim.lsp.inline_completion and 'neovim' or 'own'
end

return M
