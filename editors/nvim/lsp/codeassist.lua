-- codeassist for Neovim 0.11 and later: put this folder's parent on 'runtimepath', then vim.lsp.enable('codeassist').
-- What differs for you goes into vim.lsp.config('codeassist', { ... }); docs/editors.md has examples.

-- Tells the server what linters and type checkers say of a buffer: it does not say the same again.
---@param client vim.lsp.Client
---@param buffer integer
local function tell_of_others(client, buffer)
  local told = {}
  local group = vim.api.nvim_create_augroup('codeassist.others.' .. client.id .. '.' .. buffer, {})
  vim.api.nvim_create_autocmd('DiagnosticChanged', {
    group = group,
    buffer = buffer,
    callback = function()
      if client:is_stopped() or not vim.lsp.buf_is_attached(buffer, client.id) then
        return true -- Ends this autocommand.
      end
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

---@type vim.lsp.Config
return {
  cmd = { 'codeassist', 'lsp' },
  filetypes = {
    'bash',
    'c',
    'cpp',
    'cs',
    'css',
    'cuda',
    'go',
    'html',
    'java',
    'javascript',
    'javascriptreact',
    'json',
    'jsonc',
    'kotlin',
    'lua',
    'markdown',
    'php',
    'python',
    'ruby',
    'rust',
    'scala',
    'sh',
    'swift',
    'toml',
    'typescript',
    'typescriptreact',
    'yaml',
    'zsh',
  },
  root_markers = { '.codeassist.toml', '.git' },
  on_attach = function(client, buffer)
    tell_of_others(client, buffer)
    if vim.lsp.inline_completion then
      vim.lsp.inline_completion.enable(true, { bufnr = buffer })
      return
    end
    -- Neovim 0.11 has no ghost text; Ctrl-X Ctrl-O offers the completion. By itself it would insert the first word only.
    vim.lsp.completion.enable(true, client.id, buffer, {
      convert = function(item)
        return { word = item.textEdit and item.textEdit.newText }
      end,
    })
  end,
}
