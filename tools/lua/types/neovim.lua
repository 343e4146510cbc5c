---@meta
-- Neovim's own types make these plain tables, whose missing fields are no mistake to EmmyLua; as classes they are closed.
-- The order matters: fields of a closed `vim` would be something else.

---@class vim.api
local api = vim.api
vim.api = api

---@class vim.fn
local functions = vim.fn
vim.fn = functions

---@class vim
local editor = vim
vim = editor

-- As Neovim 0.12 has it; 0.11 says string, which its own vim.str_utfindex does not take.
---@class vim.lsp.Client
---@field offset_encoding 'utf-8'|'utf-16'|'utf-32'
