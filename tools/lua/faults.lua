-- One fault of each kind that has to be found, named behind it: what makes EmmyLua blind for one of them fails `make lint`.
local unused = 1 -- unused
vim.api.nvim_nothing() -- undefined-field
vim.fn.nothing() -- undefined-field
vim.nothing() -- undefined-field
nothing() -- undefined-global
vim.api.nvim_del_autocmd('one') -- param-type-mismatch
vim.lsp.get_client_by_id(1):stop() -- need-check-nil
vim.lsp.inline_completion.enable(true) -- need-check-nil
require('codeassist.nothing') -- unresolved-require

local function sets_a_global()
  forgotten = 1 -- global-in-non-module
end
sets_a_global()

local function is_untyped(argument) -- incomplete-signature-doc
  print(argument)
end
is_untyped(1)
