-- Shows what works and what does not, as the doctor finds it out with Neovim's settings.

local scratch = require('codeassist.scratch')
local server = require('codeassist.server')

local M = {}

---Examine, and show each line as soon as it is known. Returns why not, if that is not possible.
---@param client? vim.lsp.Client
---@param mods? table<string, any>
---@return string?
function M.examine(client, mods)
  local buffer ---@type integer
  local lines = {} ---@type string[]
  ---@param line string
  local function add(line)
    scratch.set(buffer, #lines, { line })
    table.insert(lines, line)
  end
  local running, reason = server.run({ 'doctor' }, client, add, function(result)
    add('')
    add(
      result.code == 0 and result.signal == 0 and 'All is well.'
        or 'Something is wrong; the lines that begin with FAIL say what.'
    )
  end)
  if not running then
    return reason
  end
  buffer = scratch.open('codeassist://doctor', 'codeassist-doctor', mods)
  scratch.set(buffer, 0, {})
  vim.api.nvim_buf_call(buffer, function()
    vim.cmd.syntax('clear')
    vim.cmd.syntax([[match DiagnosticOk "^ok  \ze "]])
    vim.cmd.syntax([[match DiagnosticWarn "^note\ze "]])
    vim.cmd.syntax([[match DiagnosticError "^FAIL\ze "]])
    vim.cmd.syntax([[match Comment "^      .*"]])
  end)
  add(table.concat(server.command(client) or {}, ' ') .. ' doctor')
  add('')
  return nil
end

return M
