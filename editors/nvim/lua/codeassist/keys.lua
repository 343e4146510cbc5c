-- Keys of insert mode that take suggestions, and do what they did before where there is none.

local M = {}

---@type table<string, string>
local does = {
  accept = 'Take the suggestion',
  accept_word = 'Take the next word of the suggestion',
  accept_line = 'Take the suggestion up to the end of the line',
  dismiss = 'Take the suggestion away',
  next = 'Show the next suggestion',
  previous = 'Show the previous suggestion',
}

---By buffer, the keys that are mapped, and what each of them was mapped to in the buffer before.
---@type table<integer, table<string, table>>
local mapped = {}

---@type fun()[]
local waiting = {}

---@param keys string
---@return string
local function raw(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

---@class codeassist.Mapping: vim.api.keyset.get_keymap
---@field replace_keycodes? integer

---@param key string
---@param mappings vim.api.keyset.get_keymap[]
---@return vim.api.keyset.get_keymap?
local function find(key, mappings)
  for _, mapping in ipairs(mappings) do
    if mapping.lhsraw == raw(key) or mapping.lhsrawalt == raw(key) then
      return mapping
    end
  end
end

---@param mapping vim.api.keyset.get_keymap
---@return string # With the names of its script's own functions.
local function rhs_of(mapping)
  local found = (mapping.rhs or ''):gsub('<SID>', ('<SNR>%d_'):format(mapping.sid))
  return found
end

---Go on with keys as if they were what the mapping stands for.
---@param mapping vim.api.keyset.get_keymap
---@param keys string
local function feed(mapping, keys)
  vim.api.nvim_feedkeys(keys, mapping.noremap == 1 and 'in' or 'im', false)
end

---Do what a mapping of somebody else does, from within an `expr` mapping.
---@param mapping vim.api.keyset.get_keymap
local function run(mapping)
  ---@cast mapping codeassist.Mapping
  if mapping.expr == 1 then
    local found = mapping.callback and mapping.callback() or not mapping.callback and vim.api.nvim_eval(rhs_of(mapping))
    local keys = type(found) == 'string' and found or ''
    feed(mapping, mapping.replace_keycodes == 1 and raw(keys) or keys)
  elseif mapping.callback then
    table.insert(waiting, mapping.callback)
    feed({ noremap = 1 }, raw('<Cmd>lua require("codeassist.keys")._now()<CR>'))
  else
    feed(mapping, raw(rhs_of(mapping)))
  end
end

---@private
function M._now()
  local callback = table.remove(waiting, 1) ---@type fun()?
  if callback then
    callback()
  end
end

---What is typed when a key is pressed.
---@param buffer integer
---@param name string
---@param key string
---@return string
local function pressed(buffer, name, key)
  local act = require('codeassist') --[[@as table<string, fun(): boolean>]]
  if act[name]() then
    return ''
  end
  local before = mapped[buffer] and mapped[buffer][key]
  local mapping = before and next(before) and before or find(key, vim.api.nvim_get_keymap('i'))
  if not mapping then
    return raw(key)
  end
  run(mapping)
  return ''
end

---@param buffer integer
---@param keys codeassist.Keys|false|nil
function M.map(buffer, keys)
  M.unmap(buffer)
  mapped[buffer] = {}
  for name, key in pairs(keys or {}) do
    if key then
      mapped[buffer][key] = find(key, vim.api.nvim_buf_get_keymap(buffer, 'i')) or {}
      vim.keymap.set('i', key, function()
        return pressed(buffer, name, key)
      end, { buffer = buffer, expr = true, replace_keycodes = false, desc = 'codeassist: ' .. does[name] })
    end
  end
end

---Leave the buffer's keys as they were.
---@param buffer integer
function M.unmap(buffer)
  local keys = mapped[buffer]
  mapped[buffer] = nil
  if not keys or not vim.api.nvim_buf_is_valid(buffer) then
    return
  end
  for key, before in pairs(keys) do
    local now = find(key, vim.api.nvim_buf_get_keymap(buffer, 'i'))
    if now and vim.startswith(now.desc or '', 'codeassist: ') then
      vim.keymap.del('i', key, { buffer = buffer })
      if next(before) then
        vim.api.nvim_buf_call(buffer, function()
          vim.fn.mapset(before)
        end)
      end
    end
  end
end

return M
