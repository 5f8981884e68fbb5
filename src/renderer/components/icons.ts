import arrowClockwise from 'bootstrap-icons/icons/arrow-clockwise.svg?raw';
import arrowUp from 'bootstrap-icons/icons/arrow-up.svg?raw';
import bell from 'bootstrap-icons/icons/bell.svg?raw';
import bellOn from 'bootstrap-icons/icons/bell-fill.svg?raw';
import check from 'bootstrap-icons/icons/check2.svg?raw';
import chevronLeft from 'bootstrap-icons/icons/chevron-left.svg?raw';
import chevronRight from 'bootstrap-icons/icons/chevron-right.svg?raw';
import clockHistory from 'bootstrap-icons/icons/clock-history.svg?raw';
import columns from 'bootstrap-icons/icons/layout-three-columns.svg?raw';
import dice from 'bootstrap-icons/icons/dice-5.svg?raw';
import exclamation from 'bootstrap-icons/icons/exclamation-triangle.svg?raw';
import gear from 'bootstrap-icons/icons/gear.svg?raw';
import house from 'bootstrap-icons/icons/house.svg?raw';
import inbox from 'bootstrap-icons/icons/inbox.svg?raw';
import link from 'bootstrap-icons/icons/link-45deg.svg?raw';
import list from 'bootstrap-icons/icons/list.svg?raw';
import pause from 'bootstrap-icons/icons/pause-fill.svg?raw';
import pencil from 'bootstrap-icons/icons/pencil.svg?raw';
import play from 'bootstrap-icons/icons/play-fill.svg?raw';
import plus from 'bootstrap-icons/icons/plus-lg.svg?raw';
import question from 'bootstrap-icons/icons/question-circle.svg?raw';
import search from 'bootstrap-icons/icons/search.svg?raw';
import server from 'bootstrap-icons/icons/hdd-network.svg?raw';
import computer from 'bootstrap-icons/icons/pc-display.svg?raw';
import trash from 'bootstrap-icons/icons/trash3.svg?raw';
import wifiOff from 'bootstrap-icons/icons/wifi-off.svg?raw';
import windowPlus from 'bootstrap-icons/icons/window-plus.svg?raw';
import x from 'bootstrap-icons/icons/x-lg.svg?raw';

/** The icons that the app uses, out of Bootstrap's, as the source of their SVG files. */
export const ICONS = {
  arrowClockwise,
  arrowUp,
  bell,
  bellOn,
  check,
  chevronLeft,
  chevronRight,
  clockHistory,
  columns,
  computer,
  dice,
  exclamation,
  gear,
  house,
  inbox,
  link,
  list,
  pause,
  pencil,
  play,
  plus,
  question,
  search,
  server,
  trash,
  wifiOff,
  windowPlus,
  x,
} as const;

export type IconName = keyof typeof ICONS;

export type IconPath = { readonly d: string; readonly evenodd: boolean };

/** The paths of an icon. Bootstrap's icons are paths in a box of 16 by 16; icons.test.ts holds us to that. */
export function iconPaths(svg: string): IconPath[] {
  return [...svg.matchAll(/<path\b[^>]*>/gu)].flatMap(([tag]) => {
    const d = /\sd="([^"]+)"/u.exec(tag)?.[1];
    return d === undefined ? [] : [{ d, evenodd: tag.includes('fill-rule="evenodd"') }];
  });
}
