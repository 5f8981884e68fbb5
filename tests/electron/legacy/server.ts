/* The server process in our own Node, with what Electron's utility process gives it. */
import '../double/parent-port.ts';
import '../../../server/desktop/main.ts';
