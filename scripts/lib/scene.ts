/** A post of the scene that the screenshots show; `minutesAgo` is when it was written. */
export type ScenePost = {
  readonly minutesAgo: number;
  readonly author: string;
  readonly title: string;
  readonly content: string;
};

/** A few days of a small team, oldest first. Everybody writes in the language that they think in. */
export const SCENE: readonly ScenePost[] = [
  post(4300, 'Ines Carvalho', 'Retro notes', 'Fewer meetings, more of what worked: writing things down. #retro #team'),
  post(4100, 'Tomasz Zieliński', 'Nowy serwer testowy', 'Stoi i czeka na pierwsze testy. #infra'),
  post(3900, '佐藤 葵', '読み方のメモ', '発表の資料は共有フォルダにあります。 #発表 #docs'),
  post(2900, 'Lena Vogt', 'Neue Kaffeemaschine', 'Sie mahlt selbst. Bitte abends ausleeren. #büro'),
  post(
    2800,
    'Amir Haddad',
    'Postmortem: stale counts',
    'Counts drifted for eleven minutes after the failover. Cause, fix and a test are in https://example.org/pm/41. #incident #infra',
  ),
  post(1500, 'Chloé Martin', 'Déjeuner de jeudi', 'On réserve pour douze ? Répondez avant ce soir. #déjeuner #team'),
  post(
    1440,
    'Priya Nair',
    'Reading list',
    'Two good ones on outboxes and on idempotent consumers; both short. #golang #reading',
  ),
  post(
    1300,
    'Tomasz Zieliński',
    'Disk alerts',
    'Threshold is 80 % now, was 95 %. You will hear about it earlier. #infra #oncall',
  ),
  post(700, '佐藤 葵', '新しいバージョン', '木曜日に出します。テストに参加してくれる人を探しています。 #発表 #release'),
  post(420, 'Ines Carvalho', 'On call this week', 'It is me. Swap requests until Wednesday, please. #oncall'),
  post(
    300,
    'Amir Haddad',
    'Release 2.4, what is in it',
    'Search by beginnings of words, an edit history, and fixes that you asked for.\n\nUpgrade notes: none, restart is enough. #release #golang',
  ),
  post(180, '王 晓明', '发布会安排', '周四下午三点，在二楼。想参加演示的同事请在这里留言。 #发布会 #release'),
  post(
    95,
    'Lena Vogt',
    'Lasttest heute Nachmittag',
    'Zwischen drei und vier wird es auf dem Testsystem laut. #infra #release',
  ),
  post(
    62,
    'Priya Nair',
    'Benchmarks are in',
    'Charts, method and what surprised us are in https://example.org/bench. Questions here, please. #golang #release',
  ),
  post(41, 'Chloé Martin', 'Traductions', 'Il manque trois chaînes en polonais. Tomasz, tu regardes ? #docs #release'),
  post(24, 'Tomasz Zieliński', '', 'Zrobione. #docs'),
  post(
    12,
    'Ines Carvalho',
    'Rehearsal moved to eleven',
    'Same room. Bring questions, we have answers for most of them. #release #team',
  ),
  post(
    6,
    'Amir Haddad',
    'Checklist for Thursday',
    '1. Freeze at noon\n2. Back-up, then the restore drill\n3. Two windows open on #oncall\n4. Cake\n#release',
  ),
  post(
    2,
    'Priya Nair',
    'Restore drill passed',
    'From an empty disk to every feed, and a rebuild gave the same documents. #release #infra',
  ),
];

function post(minutesAgo: number, author: string, title: string, content: string): ScenePost {
  return { minutesAgo, author, title, content };
}
