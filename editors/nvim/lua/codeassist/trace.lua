-- The last requests, stage by stage, as text: a bar for each, with the names of its parts below.

local scratch = require('codeassist.scratch')

local M = {}

---One entry of `codeassist/trace`. What became of a suggestion is an entry of its own, without timings.
---@class codeassist.trace.Entry
---@field kind string
---@field uri? string
---@field timings? table<string, number>
---@field tokens? { prompt: integer, cached?: integer, generated: integer }
---@field reused? boolean
---@field skip? string
---@field detail? string

---@class codeassist.trace.Stage
---@field name string
---@field label string
---@field link string The highlight group that it looks like.

---@class codeassist.trace.Part
---@field name string
---@field ms number

---@class codeassist.trace.Mark
---@field line integer Counted from 0.
---@field from integer In bytes.
---@field to integer In bytes.
---@field group string

local MOST = 50
local LONGEST_BAR = 100
local NAMESPACE = vim.api.nvim_create_namespace('codeassist.trace')

---In the order in which they happen.
---@type codeassist.trace.Stage[]
local STAGES = {
  { name = 'debounce', label = 'waits for the next key', link = 'Comment' },
  { name = 'join', label = 'waits for an answer on its way', link = 'Comment' },
  { name = 'connect', label = 'connects', link = 'Delimiter' },
  { name = 'repository', label = 'looks at the repository', link = 'Type' },
  { name = 'question', label = 'works out what to look up', link = 'Constant' },
  { name = 'parse', label = 'parses', link = 'DiagnosticWarn' },
  { name = 'context', label = 'finds related code', link = 'Special' },
  { name = 'prompt', label = 'writes the prompt', link = 'Statement' },
  { name = 'reading', label = 'engine reads the prompt', link = 'DiagnosticInfo' },
  { name = 'writing', label = 'engine writes', link = 'DiagnosticOk' },
  { name = 'infill', label = 'checks line by line', link = 'DiagnosticInfo' },
  { name = 'words', label = 'asks in words', link = 'DiagnosticOk' },
  { name = 'post', label = 'looks over the answer', link = 'DiagnosticHint' },
  { name = 'other', label = 'anything else', link = 'NonText' },
}

---@type table<string, integer>
local ORDER = {}
for number, stage in ipairs(STAGES) do
  ORDER[stage.name] = number
end

---@param name string
---@return string
local function label(name)
  local stage = STAGES[ORDER[name] or 0]
  return stage and stage.label or name
end

---@param name string
---@return string
local function group(name)
  return 'CodeassistStage' .. (ORDER[name] and name or 'other'):gsub('^%l', string.upper)
end

---@param ms number
---@return string
local function rounded(ms)
  return (ms < 10 and '%.1f' or '%.0f'):format(ms)
end

---@param value any
---@return any value without vim.NIL
local function given(value)
  return value ~= vim.NIL and value or nil
end

---The parts of a request's time, in their order. Together they are the whole.
---@param entry codeassist.trace.Entry
---@return codeassist.trace.Part[]
function M.parts(entry)
  local all = vim.deepcopy(entry.timings or {})
  local total, model, reading = all.total or 0, all.model, all['first-token']
  all.total, all.model, all['first-token'] = nil, nil, nil
  if model then
    all.reading = reading or model
    all.writing = math.max(0, model - all.reading)
  end
  local named = 0
  for _, ms in pairs(all) do
    named = named + ms
  end
  all.other = math.max(0, total - named)
  local parts = {} ---@type codeassist.trace.Part[]
  for name, ms in pairs(all) do
    if ms >= 0.05 then
      table.insert(parts, { name = name, ms = ms })
    end
  end
  table.sort(parts, function(one, other)
    local here, there = ORDER[one.name] or #STAGES + 1, ORDER[other.name] or #STAGES + 1
    return here == there and one.name < other.name or here < there
  end)
  return parts
end

---Why nothing came of a request, nil if something did.
---@param entry codeassist.trace.Entry
---@return string?
function M.reason(entry)
  local skip, detail = given(entry.skip), given(entry.detail)
  if not skip then
    return nil
  end
  return detail and detail ~= '' and ('%s: %s'):format(skip, detail) or skip
end

---@param entry codeassist.trace.Entry
---@return string
local function result(entry)
  return M.reason(entry) or entry.reused and 'answered from what was there' or 'answered'
end

---@param tokens? { prompt: integer, cached?: integer, generated: integer }
---@return string
local function tokens_said(tokens)
  tokens = given(tokens)
  if not tokens or tokens.prompt == 0 then
    return ''
  end
  local cached = given(tokens.cached)
  local from_cache = cached and (', %d cached'):format(cached) or ''
  return (' · %d tokens read%s, %d written'):format(tokens.prompt, from_cache, tokens.generated)
end

---@param uri? string
---@return string
local function name_of(uri)
  return require('vim.uri').uri_decode((given(uri) or ''):match('[^/]*$') or '')
end

---The lines that show `entries`, the newest first, in `columns` columns, with their highlights.
---@param entries codeassist.trace.Entry[]
---@param columns integer
---@return string[], codeassist.trace.Mark[]
function M.page(entries, columns)
  local lines, marks = {}, {} ---@type string[], codeassist.trace.Mark[]
  ---@param line string
  local function add(line)
    table.insert(lines, (line:gsub('%c', ' '))) -- What comes from outside must not break lines.
  end
  ---Highlight bytes of the line that was added last.
  ---@param from integer
  ---@param to integer
  ---@param highlight string
  local function mark(from, to, highlight)
    table.insert(marks, { line = #lines - 1, from = from, to = to, group = highlight })
  end
  local requests, longest = {}, 1 ---@type codeassist.trace.Entry[], number
  for number = #entries, 1, -1 do
    local timings = given(entries[number].timings)
    if timings then
      table.insert(requests, entries[number])
      longest = math.max(longest, timings.total or 0)
    end
  end
  add('Last requests, the newest first. r looks again, q closes.')
  mark(0, #'Last requests', 'Title')
  add('')
  if #requests == 0 then
    add('Nothing was asked yet. Type in a source file, or review one.')
  end
  local width = math.min(columns, LONGEST_BAR)
  for _, entry in ipairs(requests) do
    local kind, name, said = entry.kind, name_of(entry.uri), result(entry)
    local head = ('%-11s %s  %.0f ms  '):format(kind, name, (entry.timings or {}).total or 0)
    add(head .. said .. tokens_said(entry.tokens))
    mark(0, #kind, 'Statement')
    mark(math.max(#kind, 11) + 1, math.max(#kind, 11) + 1 + #name, 'Directory')
    mark(#head, #head + #said, M.reason(entry) and 'DiagnosticWarn' or 'DiagnosticOk')
    local parts = M.parts(entry)
    local left = 0 ---@type number
    local ends, phrases = { 0 }, {} ---@type integer[], string[]
    for _, part in ipairs(parts) do
      left = left + part.ms
      local cell = math.floor(width * left / longest + 0.5) ---@cast cell integer
      table.insert(ends, cell)
      table.insert(phrases, ('%s %s'):format(label(part.name), rounded(part.ms)))
    end
    add(('█'):rep(ends[#ends] or 0))
    for number, part in ipairs(parts) do
      mark((ends[number] or 0) * #'█', (ends[number + 1] or 0) * #'█', group(part.name))
    end
    add(table.concat(phrases, ' · '))
    local at = 0
    for number, part in ipairs(parts) do
      local after = at + #(phrases[number] or '')
      mark(at, after, group(part.name))
      at = after + #' · '
    end
    add('')
  end
  return lines, marks
end

---@param buffer integer
---@param client_id integer
local function refresh(buffer, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  if not client then
    vim.notify('codeassist: the language server of this view has ended', vim.log.levels.WARN)
    return
  end
  client:request('codeassist/trace', { limit = MOST }, function(failure, entries)
    if failure then
      vim.notify('codeassist: ' .. failure.message, vim.log.levels.ERROR)
      return
    end
    local window = vim.fn.bufwinid(buffer)
    if window == -1 then
      return -- It was closed meanwhile.
    end
    local lines, marks = M.page(entries, vim.api.nvim_win_get_width(window) - 2)
    scratch.set(buffer, 0, lines)
    for _, mark in ipairs(marks) do
      local place = { end_col = math.min(mark.to, #(lines[mark.line + 1] or '')), hl_group = mark.group }
      vim.api.nvim_buf_set_extmark(buffer, NAMESPACE, mark.line, mark.from, place)
    end
  end)
end

---The colours of the stages, as far as the user's colour scheme does not say them.
function M.define_highlights()
  for _, stage in ipairs(STAGES) do
    vim.api.nvim_set_hl(0, group(stage.name), { link = stage.link, default = true })
  end
end

---Show the last requests of a client's server.
---@param client vim.lsp.Client
---@param mods? table<string, any>
function M.show(client, mods)
  M.define_highlights()
  local buffer = scratch.open('codeassist://trace', 'codeassist-trace', mods)
  vim.keymap.set('n', 'r', function()
    refresh(buffer, client.id)
  end, { buffer = buffer, nowait = true, desc = 'Look again' })
  refresh(buffer, client.id)
end

return M
