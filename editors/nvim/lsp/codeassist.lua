-- codeassist for Neovim 0.11 and later: put this folder's parent on 'runtimepath', then vim.lsp.enable('codeassist').
-- What differs for you goes into vim.lsp.config('codeassist', { ... }); docs/editors.md has examples.

---@type vim.lsp.Config
return {
  cmd = { 'codeassist', 'lsp' },
  -- `python -m` looks for its modules where it is started, and what is worked on may have a `json.py`.
  cmd_cwd = vim.fs.dirname(assert(debug.getinfo(1, 'S')).source:sub(2)),
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
  before_init = function(params)
    require('codeassist.attach').announce(params.capabilities)
  end,
  handlers = {
    ['codeassist/status'] = function(_, status, context)
      require('codeassist.status').told(status, context)
    end,
  },
  on_init = function(client)
    require('codeassist.session').began(client)
  end,
  on_attach = function(client, buffer)
    require('codeassist.attach').attach(client, buffer)
  end,
  on_exit = function(code, signal, client_id)
    require('codeassist.restart').ended(code, signal, client_id)
  end,
}
