-- codeassist for Neovim 0.11 and later: put this folder's parent on 'runtimepath', then vim.lsp.enable('codeassist').
-- What differs for you goes into vim.lsp.config('codeassist', { ... }); docs/editors.md has examples.

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
    if vim.lsp.inline_completion then
      vim.lsp.inline_completion.enable(true, { bufnr = buffer })
      return
    end
    -- Neovim 0.11 has no ghost text; Ctrl-X Ctrl-O offers the completion. By itself it would insert the first word only.
    vim.lsp.completion.enable(true, client.id, buffer, {
      convert = function(item)
        return { word = item.textEdit.newText }
      end,
    })
  end,
}
