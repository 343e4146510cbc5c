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
  on_init = function(client)
    -- Neovim 0.12 shows ghost text. 0.11 has no such module; there the server offers ordinary completion instead.
    if vim.lsp.inline_completion then
      vim.lsp.inline_completion.enable(true, { client_id = client.id })
    end
  end,
}
