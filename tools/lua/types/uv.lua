---@meta
-- Neovim's own types say that vim.uv is a `uv`, but the wheel of Neovim does not ship that class: its functions stay unchecked.

---@class uv
---@field [string] any
