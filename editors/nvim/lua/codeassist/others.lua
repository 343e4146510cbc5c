-- Tells the server what linters and type checkers say of a buffer: a review does not say the same again.

local M = {}

---@param client vim.lsp.Client
---@param buffer integer
---@return table[] # Diagnostics of the protocol.
local function said(client, buffer)
  ---@param line integer
  ---@param column integer In bytes.
  ---@return lsp.Position
  local function place(line, column)
    local text = vim.api.nvim_buf_get_lines(buffer, line, line + 1, false)[1] or ''
    return { line = line, character = vim.str_utfindex(text, client.offset_encoding, math.min(column, #text)) }
  end
  local found = {}
  local severity = { vim.diagnostic.severity.ERROR, vim.diagnostic.severity.WARN }
  for _, each in ipairs(vim.diagnostic.get(buffer, { severity = severity })) do
    if each.source ~= 'codeassist' then
      table.insert(found, {
        range = {
          start = place(each.lnum, each.col),
          ['end'] = place(each.end_lnum or each.lnum, each.end_col or each.col),
        },
        severity = each.severity,
        source = each.source or '',
      })
    end
  end
  return found
end

---@param client vim.lsp.Client
---@param buffer integer
---@param group integer The autocommand group that ends with the client.
function M.tell(client, buffer, group)
  local told = {}
  vim.api.nvim_create_autocmd('DiagnosticChanged', {
    group = group,
    buffer = buffer,
    callback = function()
      local found = said(client, buffer)
      if vim.deep_equal(found, told) then
        return -- Our own findings changed.
      end
      told = found
      client:notify('codeassist/otherDiagnostics', {
        textDocument = { uri = vim.uri_from_bufnr(buffer) },
        diagnostics = found,
      })
    end,
  })
end

return M
