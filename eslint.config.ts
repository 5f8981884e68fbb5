import { defineConfig, globalIgnores } from 'eslint/config';
import { createConfig as boundaries } from 'eslint-plugin-boundaries/config';
import prettier from 'eslint-config-prettier';
import vue from 'eslint-plugin-vue';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** The rooms of the house, the inner before the outer, and the doors from each (docs/architecture.md). */
const ROOMS = [
  { room: 'contract', folder: 'contract', doorsTo: [] },
  { room: 'messaging', folder: 'server/messaging', doorsTo: [] },
  { room: 'sse', folder: 'server/sse', doorsTo: ['messaging'] },
  { room: 'posts', folder: 'server/posts', doorsTo: ['messaging', 'contract'] },
  { room: 'feeds', folder: 'server/feeds', doorsTo: ['posts', 'messaging', 'contract'] },
  { room: 'http', folder: 'server/http', doorsTo: ['posts', 'feeds', 'sse', 'messaging', 'contract'] },
  { room: 'gateway', folder: 'server/gateway', doorsTo: ['http', 'messaging', 'contract'] },
  {
    room: 'server',
    folder: 'server',
    doorsTo: ['gateway', 'http', 'posts', 'feeds', 'sse', 'messaging', 'contract'],
  },
  { room: 'live', folder: 'src/renderer/live', doorsTo: [] },
  { room: 'renderer', folder: 'src/renderer', doorsTo: ['live', 'contract'] },
  { room: 'preload', folder: 'src/preload', doorsTo: ['contract'] },
  { room: 'main', folder: 'src/main', doorsTo: ['contract'] },
];

export default defineConfig(
  globalIgnores(['out', 'dist', '.cache', '.data', 'test-results', 'playwright-report']),
  tseslint.configs.strict,
  vue.configs['flat/recommended'],
  {
    languageOptions: { globals: globals.node },
    settings: { 'import/resolver': { node: { extensions: ['.ts', '.vue'] } } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Use a named export.' }],
      'no-console': 'error',
    },
  },
  boundaries({
    files: ['**/*.{ts,vue}'],
    settings: { 'boundaries/elements': ROOMS.map(({ room, folder }) => ({ type: room, pattern: folder })) },
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          message: '{{from.element.type}} must not import {{to.element.type}} (docs/architecture.md)',
          policies: ROOMS.map(({ room, doorsTo }) => ({
            from: { element: { type: room } },
            allow: { to: { element: { types: { anyOf: [room, ...doorsTo] } } } },
          })),
        },
      ],
    },
  }),
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser }, globals: globals.browser },
    rules: { 'vue/no-v-html': 'error', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['src/renderer/**'],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ['scripts/**', 'tests/**', '*.config.ts'],
    rules: { 'no-console': 'off', 'no-restricted-syntax': 'off' },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  prettier,
);
