// Bundles the tests of what needs no VS Code, and runs them in this Node.js.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';

rmSync('dist/test', { recursive: true, force: true });
const entryPoints = readdirSync('test').filter((file) => file.endsWith('.test.ts')).map((file) => `test/${file}`);
await build({ entryPoints, bundle: true, platform: 'node', format: 'cjs', target: 'node20', outdir: 'dist/test', sourcemap: 'inline' });
const files = readdirSync('dist/test').map((file) => `dist/test/${file}`);
process.exit(spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' }).status ?? 1);
