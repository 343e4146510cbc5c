-- Names for people. What they stand for is loaded at first use.

if vim.g.loaded_codeassist then
  return
end
vim.g.loaded_codeassist = true

vim.api.nvim_create_user_command('Codeassist', function(options)
  require('codeassist.command').run(options)
end, {
  nargs = '*',
  desc = 'Completions and reviews of codeassist',
  complete = function(lead, line)
    return require('codeassist.command').complete(lead, line)
  end,
})
