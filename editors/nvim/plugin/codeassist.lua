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

-- For keys that have no other meaning: without a suggestion they do nothing.
for _, name in ipairs({ 'accept', 'accept-word', 'accept-line', 'dismiss', 'next', 'previous' }) do
  vim.api.nvim_set_keymap('i', ('<Plug>(codeassist-%s)'):format(name), '', {
    noremap = true,
    desc = 'codeassist: ' .. name,
    callback = function()
      local act = require('codeassist') --[[@as table<string, fun(): boolean>]]
      act[(name:gsub('-', '_'))]()
    end,
  })
end
