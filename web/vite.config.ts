import { defineConfig } from 'vitest/config';

// The page is served by Clearhead itself; `npm run dev` passes API calls on to a running `./clearhead serve`.
export default defineConfig({
    base: './',
    server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
    build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
    worker: { format: 'es' },
    test: { include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}'] },
});
