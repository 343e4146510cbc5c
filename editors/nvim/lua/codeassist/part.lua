-- Parts of a suggestion's text.

local M = {}

---Line ends as Neovim has them within a text.
---@param text string
---@return string
function M.plain_ends(text)
  return (text:gsub('\r\n?', '\n'))
end

---The beginning of a text that is taken. A word is what Neovim's `e` goes over: what is white before it, then
---characters of 'iskeyword', or others up to the next of these.
---@param text string
---@param much codeassist.Much
---@return string
function M.of(text, much)
  if much == 'all' then
    return text
  end
  if much == 'line' then
    return text:match('^\n*[^\n]+') or text
  end
  local _, last = vim.regex([[\m^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)]]):match_str(text)
  return last and text:sub(1, last) or text
end

return M
