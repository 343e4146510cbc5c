-- Ctrl-X Ctrl-O where ghost text is drawn: the suggestion as an item of Neovim's own menu, asked for by hand.

local cursor = require('codeassist.cursor')
local suggestion = require('codeassist.suggestion')

local M = {}

local NAME = "v:lua.require'codeassist.omni'.complete"
local CANCEL_SILENTLY = -2
local LABEL_CHARACTERS = 60

---@param client vim.lsp.Client
---@param item table
---@return table? # An item of |complete-items|, which inserts only: brackets behind the cursor stay.
local function menu_item(client, item)
  local found = suggestion.new(0, client, item)
  local left = found:left()
  found:forget()
  if not left then
    return nil
  end
  local text = left.rest
  if vim.endswith(text, left.tail) then
    text = text:sub(1, #text - #left.tail)
  end
  local first = vim.trim(vim.trim(text):match('^[^\n]*') or '')
  return {
    word = text,
    abbr = vim.fn.strcharpart(first, 0, LABEL_CHARACTERS),
    menu = client.name,
    info = text,
    dup = 1,
  }
end

---For 'omnifunc': shows the menu when the answer is there.
---@param find_start integer
---@return integer|table
function M.complete(find_start)
  if find_start ~= 1 then
    return {}
  end
  require('codeassist.ghost').stand_back()
  local buffer = vim.api.nvim_get_current_buf()
  local tick, place = vim.api.nvim_buf_get_changedtick(buffer), { cursor.get() }
  local function is_now()
    return vim.api.nvim_get_current_buf() == buffer
      and vim.startswith(vim.api.nvim_get_mode().mode, 'i')
      and vim.api.nvim_buf_get_changedtick(buffer) == tick
      and vim.deep_equal({ cursor.get() }, place)
  end
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codeassist', bufnr = buffer })) do
    local at = vim.lsp.util.make_position_params(0, client.offset_encoding)
    local params = vim.tbl_extend('error', at, { context = { triggerKind = 1 } })
    client:request('textDocument/inlineCompletion', params, function(_, result)
      local items = {}
      for _, item in ipairs(is_now() and suggestion.items(result) or {}) do
        table.insert(items, menu_item(client, item))
      end
      if #items > 0 then
        vim.fn.complete(#cursor.line_before() + 1, items)
      end
    end, buffer)
  end
  return CANCEL_SILENTLY
end

---What the buffers had before.
---@type table<integer, string>
local before = {}

---Whether Neovim itself set the option, if anybody did: what a user or another language server set stays.
---@param buffer integer
---@return boolean
local function is_free(buffer)
  if vim.bo[buffer].omnifunc == '' then
    return true
  end
  local script = vim.api.nvim_get_option_info2('omnifunc', { buf = buffer }).last_set_sid
  local known = vim.fn.getscriptinfo({ sid = script })[1]
  return known ~= nil and vim.startswith(known.name, vim.env.VIMRUNTIME)
end

---@param buffer integer
function M.attach(buffer)
  if is_free(buffer) then
    before[buffer] = vim.bo[buffer].omnifunc
    vim.bo[buffer].omnifunc = NAME
  end
end

---@param buffer integer
function M.detach(buffer)
  if vim.api.nvim_buf_is_valid(buffer) and vim.bo[buffer].omnifunc == NAME then
    vim.bo[buffer].omnifunc = before[buffer] or ''
  end
  before[buffer] = nil
end

return M
