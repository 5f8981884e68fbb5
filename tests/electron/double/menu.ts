type Template = Electron.MenuItemConstructorOptions;

/** A menu's item: what the app put into it, and a click. */
export class MenuItem implements Pick<Electron.MenuItem, 'id' | 'label' | 'enabled' | 'visible' | 'type'> {
  readonly id: string;
  readonly label: string;
  readonly type: Electron.MenuItem['type'];
  readonly enabled: boolean;
  readonly visible: boolean;
  readonly role: Template['role'];
  readonly accelerator: Template['accelerator'];
  readonly submenu: Menu | null;
  readonly #template: Template;

  constructor(template: Template) {
    this.#template = template;
    this.id = template.id ?? '';
    this.label = template.label ?? '';
    this.type = template.type ?? (template.submenu === undefined ? 'normal' : 'submenu');
    this.enabled = template.enabled ?? true;
    this.visible = template.visible ?? true;
    this.role = template.role;
    this.accelerator = template.accelerator;
    this.submenu = Array.isArray(template.submenu) ? Menu.buildFromTemplate(template.submenu) : null;
  }

  click(): void {
    if (!this.enabled) return;
    (this.#template.click as ((...args: unknown[]) => void) | undefined)?.(this, undefined, {});
  }
}

export class Menu implements Pick<Electron.Menu, 'popup'> {
  static #application: Menu | null = null;

  static buildFromTemplate(template: Template[]): Menu {
    return new Menu(template.map((item) => new MenuItem(item)));
  }

  static setApplicationMenu(menu: Menu | null): void {
    Menu.#application = menu;
  }

  static getApplicationMenu(): Menu | null {
    return Menu.#application;
  }

  readonly items: readonly MenuItem[];

  constructor(items: readonly MenuItem[] = []) {
    this.items = items;
  }

  getMenuItemById(id: string): MenuItem | null {
    for (const item of this.items) {
      if (item.id === id) return item;
      const inner = item.submenu?.getMenuItemById(id);
      if (inner) return inner;
    }
    return null;
  }

  popup(): void {
    // There is nobody to choose from it.
  }
}
