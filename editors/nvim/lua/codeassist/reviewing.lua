-- Reviews that are asked for by hand, with a word about how they ended: findings alone do not say that there are none.

local M = {}

local MOST = 100

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify('codeassist: ' .. text, level or vim.log.levels.INFO)
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param buffer integer
---@param done fun(result: any)
local function ask(client, method, params, buffer, done)
  client:request(method, params, function(failure, result)
    if failure then
      say(failure.message, vim.log.levels.ERROR)
    else
      done(result)
    end
  end, buffer)
end

---@param name string
---@param count integer
local function tell(name, count)
  local said = count == 0 and 'nothing' or count == 1 and 'one finding' or ('%d findings'):format(count)
  say(('%s in %s'):format(said, name))
end

---Count what is shown now. Where findings are pulled, they come after the review's answer.
---@param client vim.lsp.Client
---@param buffer integer
---@param name string
local function count(client, buffer, name)
  if client:supports_method('textDocument/diagnostic') then
    local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
    ask(client, 'textDocument/diagnostic', params, buffer, function(report)
      tell(name, #(report and report.items or {}))
    end)
    return
  end
  local found = vim.tbl_filter(function(each)
    return each.source == 'codeassist'
  end, vim.diagnostic.get(buffer))
  tell(name, #found)
end

---Why the last review of a document gave nothing; nil if it did.
---@param entries codeassist.trace.Entry[]
---@param uri string
---@return string?
local function last_reason(entries, uri)
  for number = #entries, 1, -1 do
    local entry = entries[number]
    if entry and entry.kind == 'review' and entry.uri == uri then
      return require('codeassist.trace').reason(entry)
    end
  end
end

---@param client vim.lsp.Client
---@param buffer integer
local function review_file(client, buffer)
  local uri = vim.uri_from_bufnr(buffer)
  local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':t')
  local command = { command = 'codeassist.review', arguments = { uri } }
  ask(client, 'workspace/executeCommand', command, buffer, function()
    ask(client, 'codeassist/trace', { limit = MOST }, buffer, function(entries)
      local reason = last_reason(entries, uri)
      if reason then
        say(('%s was not reviewed: %s'):format(name, reason), vim.log.levels.WARN)
      else
        count(client, buffer, name)
      end
    end)
  end)
end

---Review the current file, or what changed in all open ones. Returns why not.
---@param client vim.lsp.Client
---@param what? string
---@return string?
function M.review(client, what)
  local buffer = vim.api.nvim_get_current_buf()
  if not what then
    review_file(client, buffer)
    return nil
  end
  if what ~= 'changes' then
    return ('there is no review of %s; there is `review`, and `review changes`'):format(what)
  end
  ask(client, 'workspace/executeCommand', { command = 'codeassist.reviewChanges' }, buffer, function()
    say('what changed in the open files is reviewed')
  end)
  return nil
end

return M
