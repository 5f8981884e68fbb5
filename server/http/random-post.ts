import type { Faker } from '@faker-js/faker';
import { faker as ar } from '@faker-js/faker/locale/ar';
import { faker as de } from '@faker-js/faker/locale/de';
import { faker as en } from '@faker-js/faker/locale/en';
import { faker as es } from '@faker-js/faker/locale/es';
import { faker as fr } from '@faker-js/faker/locale/fr';
import { faker as ja } from '@faker-js/faker/locale/ja';
import { faker as zh } from '@faker-js/faker/locale/zh_CN';
import type { NewPost } from '../../contract/post.ts';

/** Makes up a post: title, author and content in one language, with one to three hashtags in the content. */
export type PostGenerator = (key?: string) => NewPost;

type Language = {
  readonly faker: Faker;
  readonly titles: readonly string[];
  readonly sentences: readonly string[];
  readonly tags: readonly string[];
};

/** Tags of every language, so that the feeds fill up across languages. */
const COMMON_TAGS = ['golang', 'typescript', 'pubsub', 'watermill', 'HelloWorld', 'example'];

/** `{name}`, `{city}` and `{company}` are filled in by the library, in the language's own script. */
const LANGUAGES: readonly Language[] = [
  {
    faker: en,
    titles: ['News from {city}', 'Notes on the release', '{name} asks', 'What we learned at {company}'],
    sentences: [
      'The build from {city} is green again.',
      '{name} has moved the stand-up to ten.',
      'Does anyone know who at {company} could review this?',
      'We rolled it out to {city} this morning, and nothing broke.',
      'Lunch talk by {name} on Thursday.',
    ],
    tags: ['release', 'standup', 'lunch'],
  },
  {
    faker: de,
    titles: ['Neues aus {city}', 'Frage von {name}', 'Stand der Dinge bei {company}'],
    sentences: [
      'Die Anlage in {city} läuft wieder.',
      '{name} stellt am Donnerstag die Ergebnisse vor.',
      'Wer kennt jemanden bei {company}, der das prüfen könnte?',
      'Das Treffen ist auf zehn Uhr verschoben.',
    ],
    tags: ['münchen', 'straßenfest', 'mittagspause'],
  },
  {
    faker: fr,
    titles: ['En direct : {city}', '{name} demande', 'Chez {company}'],
    sentences: [
      'Le service à {city} est de nouveau en ligne.',
      '{name} présente la maquette jeudi.',
      'Qui connaît quelqu’un chez {company} pour relire ceci ?',
      'La réunion est décalée à dix heures.',
    ],
    tags: ['été', 'déjeuner', 'réunion'],
  },
  {
    faker: es,
    titles: ['Noticias de {city}', '{name} pregunta', 'Desde {company}'],
    sentences: [
      'El servicio de {city} vuelve a funcionar.',
      '{name} presenta los resultados el jueves.',
      '¿Alguien conoce a alguien en {company} que pueda revisarlo?',
      'La reunión pasa a las diez.',
    ],
    tags: ['mañana', 'reunión'],
  },
  {
    faker: ja,
    titles: ['{city}からのお知らせ', '{name}さんの質問', '今週のまとめ'],
    sentences: [
      '{city}のサーバーは復旧しました。',
      '木曜日に{name}さんが発表します。',
      'これをレビューできる人はいますか？',
      '打ち合わせは十時に変更です。',
    ],
    tags: ['発表', 'お知らせ', '開発'],
  },
  {
    faker: zh,
    titles: ['{city}的消息', '{name}的问题', '本周小结'],
    sentences: ['{city}的服务已经恢复。', '{name}周四介绍新版本。', '有人可以帮忙看一下吗？', '会议改到上午十点。'],
    tags: ['发布会', '开发', '午餐'],
  },
  {
    faker: ar,
    titles: ['أخبار من {city}', '{name} يسأل', 'ملخص الأسبوع'],
    sentences: [
      'عادت الخدمة في {city} إلى العمل.',
      'سيعرض {name} النتائج يوم الخميس.',
      'هل يستطيع أحد مراجعة هذا؟',
      'تأجل الاجتماع إلى الساعة العاشرة.',
    ],
    tags: ['أخبار', 'قهوة'],
  },
];

/**
 * A generator of random posts; with a `seed` it makes the same ones each time. A call with a key (an Idempotency-Key)
 * makes the same post as every other call with that key.
 */
export function postGenerator(seed?: number): PostGenerator {
  const seedAll = (value?: number | number[]) => LANGUAGES.forEach(({ faker }) => faker.seed(value));
  if (seed !== undefined) seedAll(seed);
  return (key) => {
    if (key === undefined) return randomPost();
    seedAll([...Buffer.from(key)]);
    const post = randomPost();
    seedAll();
    return post;
  };
}

function randomPost(): NewPost {
  const language = en.helpers.arrayElement(LANGUAGES);
  const { faker } = language;
  const tags = faker.helpers.arrayElements([...COMMON_TAGS, ...language.tags], { min: 1, max: 3 });
  const sentences = faker.helpers.arrayElements(language.sentences, { min: 1, max: 3 });
  const lines = sentences.map((sentence, index) => `${fill(faker, sentence)}${hashtag(tags[index])}`);
  const rest = tags.slice(sentences.length).map((tag) => `#${tag}`);
  return {
    title: fill(faker, faker.helpers.arrayElement(language.titles)),
    content: [...lines, ...rest].join(' '),
    author: faker.person.fullName(),
  };
}

function hashtag(tag: string | undefined): string {
  return tag === undefined ? '' : ` #${tag}`;
}

function fill(faker: Faker, template: string): string {
  return template
    .replace('{name}', () => faker.person.firstName())
    .replace('{city}', () => faker.location.city())
    .replace('{company}', () => faker.company.name());
}
