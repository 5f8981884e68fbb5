import boundaries from 'eslint-plugin-boundaries';
import prettier from 'eslint-config-prettier';
import vue from 'eslint-plugin-vue';
import globals from 'globals';
import tseslint from 'typescript-eslint';

// The rooms of the house and the doors between them (docs/architecture.md). What is not allowed here is an error.
const ROOMS = [
  { type: 'contract', pattern: 'contract' },
  { type: 'messaging', pattern: 'server/messaging' },
  { type: 'sse', pattern: 'server/sse' },
  { type: 'posts', pattern: 'server/posts' },
  { type: 'feeds', pattern: 'server/feeds' },
  { type: 'http', pattern: 'server/http' },
  { type: 'gateway', pattern: 'server/gateway' },
  { type: 'server', pattern: 'server' },
  { type: 'live', pattern: 'src/renderer/live' },
  { type: 'renderer', pattern: 'src/renderer' },
  { type: 'preload', pattern: 'src/preload' },
  { type: 'main', pattern: 'src/main' },
];

const DOORS = [
  { from: 'messaging', allow: ['messaging'] },
  { from: 'sse', allow: ['sse', 'messaging'] },
  { from: 'posts', allow: ['posts', 'messaging', 'contract'] },
  { from: 'feeds', allow: ['feeds', 'posts', 'messaging', 'contract'] },
  { from: 'http', allow: ['http', 'posts', 'feeds', 'sse', 'messaging', 'contract'] },
  { from: 'gateway', allow: ['gateway', 'http', 'contract'] },
  { from: 'server', allow: ['server', 'gateway', 'http', 'posts', 'feeds', 'sse', 'messaging', 'contract'] },
  { from: 'live', allow: ['live'] },
  { from: 'renderer', allow: ['renderer', 'live', 'contract'] },
  { from: 'preload', allow: ['preload', 'contract'] },
  { from: 'main', allow: ['main', 'contract'] },
  { from: 'contract', allow: ['contract'] },
];

export default tseslint.config(
  { ignores: ['out', 'dist', '.cache', '.data', 'test-results', 'playwright-report'] },
  ...tseslint.configs.strict,
  ...vue.configs['flat/recommended'],
  {
    languageOptions: { globals: { ...globals.node } },
    plugins: { boundaries },
    settings: {
      'boundaries/elements': ROOMS,
      'import/resolver': { node: { extensions: ['.ts', '.vue'] } },
    },
    rules: {
      'boundaries/element-types': [
        'error',
        {
          default: 'disallow',
          message: '${file.type} must not import ${dependency.type} (docs/architecture.md)',
          rules: DOORS,
        },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Use a named export.' }],
      'no-console': 'error',
    },
  },
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
  prettier,
);
