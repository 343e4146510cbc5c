// StyLua from its build for WebAssembly, which has no command line: `node stylua.mjs [--check] FILE...`
// Rewrites the files as stylua.toml says; with --check it names those that it would rewrite, and fails.
import { readFileSync, writeFileSync } from 'node:fs';
import * as stylua from '@johnnymorganz/stylua';
import { parse } from 'smol-toml';

const CHOICES = {
  call_parentheses: stylua.CallParenType,
  collapse_simple_statement: stylua.CollapseSimpleStatement,
  indent_type: stylua.IndentType,
  line_endings: stylua.LineEndings,
  quote_style: stylua.QuoteStyle,
  space_after_function_names: stylua.SpaceAfterFunctionNames,
  syntax: stylua.LuaVersion,
};
const NUMBERS = ['column_width', 'indent_width'];

// For one call: StyLua takes the configuration away with it.
// A key or a value that is not taken over would format otherwise than an editor with the real StyLua does.
function configuration(entries) {
  const config = stylua.Config.new();
  for (const [key, value] of entries) {
    const chosen = NUMBERS.includes(key) ? value : CHOICES[key]?.[value];
    if (typeof chosen !== 'number') {
      throw new Error(`stylua.toml: ${key} = ${JSON.stringify(value)} is not known to tools/lua/stylua.mjs`);
    }
    config[key] = chosen;
  }
  return config;
}

const check = process.argv[2] === '--check';
const files = process.argv.slice(check ? 3 : 2);
if (!files.length) {
  throw new Error('no Lua files were named');
}
const entries = Object.entries(parse(readFileSync(new URL('../../stylua.toml', import.meta.url), 'utf8')));
let wrong = 0;
for (const file of files) {
  const code = readFileSync(file, 'utf8');
  const config = configuration(entries);
  let formatted;
  try {
    formatted = stylua.formatCode(code, config, undefined, stylua.OutputVerification.Full);
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : error}`);
    wrong += 1;
    continue;
  }
  if (formatted === code) {
    continue;
  }
  if (check) {
    console.error(`Would reformat: ${file}`);
    wrong += 1;
  } else {
    writeFileSync(file, formatted);
    console.log(`Reformatted: ${file}`);
  }
}
process.exitCode = wrong ? 1 : 0;
