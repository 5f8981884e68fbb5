import './builtins.ts';
import '../../../src/preload/index.ts';
