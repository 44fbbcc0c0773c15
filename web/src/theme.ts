import { computed, effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const THEME = 'clearhead.theme';

function stored(): Theme {
    try {
        const value = localStorage.getItem(THEME);
        return value === 'light' || value === 'dark' ? value : 'system';
    } catch {
        return 'system';
    }
}

export const theme = signal<Theme>(stored());
const query = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : null;
const system = signal(query?.matches ?? false);
query?.addEventListener('change', (event) => { system.value = event.matches; });

/** Is the page dark now? Read it where colours are computed, so that pictures follow the theme. */
export const dark = computed(() => (theme.value === 'system' ? system.value : theme.value === 'dark'));

// Tests of pure functions run without a document.
if (typeof document !== 'undefined') effect(() => {
    document.documentElement.dataset['theme'] = dark.value ? 'dark' : 'light';
    try {
        if (theme.value === 'system') localStorage.removeItem(THEME);
        else localStorage.setItem(THEME, theme.value);
    } catch {
        // Only this visit, then.
    }
});
