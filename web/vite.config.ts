import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** The licences of what is bundled go with the bundle. */
function licences(): Plugin {
    return {
        name: 'licences',
        apply: 'build',
        generateBundle(_, bundle) {
            const folders = new Set<string>();
            for (const part of Object.values(bundle)) {
                if (part.type !== 'chunk') continue;
                for (const module of part.moduleIds) {
                    const folder = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
                    if (folder) folders.add(folder);
                }
            }
            const source = [...folders].sort().map((folder) => {
                const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
                const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
                return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`;
            }).join('\n' + '-'.repeat(80) + '\n\n');
            this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
        },
    };
}

// The page is served by Clearhead itself; `npm run dev` passes API calls on to a running `./clearhead serve`.
export default defineConfig({
    base: './',
    plugins: [licences()],
    server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
    build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
    worker: { format: 'es' },
    test: { include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}'] },
});
