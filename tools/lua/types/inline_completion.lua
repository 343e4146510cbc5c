---@meta
-- What Neovim 0.12 has beyond the types of 0.11, as far as the plugin uses it.

---@class codeassist.meta.InlineCompletion
---@field enable fun(enable?: boolean, filter?: { bufnr?: integer, client_id?: integer })
---@field is_enabled fun(filter?: { bufnr?: integer, client_id?: integer }): boolean
---@field select fun(options?: { bufnr?: integer, count?: integer, wrap?: boolean })
---@field get fun(options?: { bufnr?: integer, on_accept?: fun(item: table): table? }): boolean

---@type codeassist.meta.InlineCompletion? Missing in 0.11.
vim.lsp.inline_completion = nil
