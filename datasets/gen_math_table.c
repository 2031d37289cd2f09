/* gen_math_table.c - families, wording, things and people of the maths suite.
 * Wording rules: numbers in word problems are 2 or more, so that no singular is needed; German
 * things stand in nominative or accusative only; Chinese things carry their measure word. Levels
 * were set by measurement on two small models (docs/suites.md). */
#include "datasets/gen_math_table.h"

const char *const math_language_code[MATH_LANGUAGES] = {"en", "de", "zh"};

const char *const math_answer_text[MATH_LANGUAGES] = {
    "{steps} The answer is {v}.",
    "{steps} Die Antwort ist {v}.",
    "{steps}答案是 {v}。",
};

#define BARE(expr)                                                                                 \
    {                                                                                              \
        "What is " expr "?", "Was ist " expr "?", expr " 等于多少？"                          \
    }

// clang-format off
const math_family math_families[] = {
    /* 1: sums of 1-digit numbers that stay below ten */
    {"sum_to_9", 1, 20, "a+b", {{1, 8}, {1, 8}, {0, 0}, {0, 0}}, {2, 9}, BARE("{a} + {b}")},

    /* 2: 1-digit sums across ten, sums up to 20, 1-digit differences */
    {"sum_1_digit", 2, 7, "a+b", {{3, 9}, {3, 9}, {0, 0}, {0, 0}}, {10, 18}, BARE("{a} + {b}")},
    {"sum_to_20", 2, 6, "a+b", {{10, 17}, {2, 9}, {0, 0}, {0, 0}}, {12, 20}, BARE("{a} + {b}")},
    {"difference_1_digit", 2, 7, "a-b", {{3, 9}, {1, 8}, {0, 0}, {0, 0}}, {1, 8}, BARE("{a} - {b}")},

    /* 3: 2-digit numbers with 1-digit numbers, times tables */
    {"sum_2_1", 3, 7, "a+b", {{21, 89}, {2, 9}, {0, 0}, {0, 0}}, {23, 98}, BARE("{a} + {b}")},
    {"difference_2_1", 3, 6, "a-b", {{21, 99}, {2, 9}, {0, 0}, {0, 0}}, {12, 97}, BARE("{a} - {b}")},
    {"product_1_digit", 3, 7, "axb", {{2, 9}, {2, 9}, {0, 0}, {0, 0}}, {4, 81}, BARE("{a} × {b}")},

    /* 4: one-step word problems with small numbers */
    {"word_more", 4, 4, "a+b", {{2, 9}, {2, 9}, {0, 0}, {0, 0}}, {4, 18},
     {"{n} has {a} {o} and gets {b} more. How many {o} does {n} have now?",
      "{n} hat {a} {o} und bekommt {b} dazu. Wie viele {o} hat {n} jetzt?",
      "{n}有{a}{m}{o}，又得到了{b}{m}。{n}现在有多少{m}{o}？"}},
    {"word_fewer", 4, 4, "a-b", {{5, 15}, {2, 9}, {0, 0}, {0, 0}}, {2, 12},
     {"{n} has {a} {o} and gives {b} of them away. How many {o} does {n} have left?",
      "{n} hat {a} {o} und verschenkt {b} davon. Wie viele {o} hat {n} noch?",
      "{n}有{a}{m}{o}，送给别人{b}{m}。{n}还剩多少{m}{o}？"}},
    {"word_compare", 4, 4, "a+b", {{2, 12}, {2, 9}, {0, 0}, {0, 0}}, {4, 20},
     {"{n} has {a} {o}. {k} has {b} more than {n}. How many {o} does {k} have?",
      "{n} hat {a} {o}. {k} hat {b} mehr als {n}. Wie viele {o} hat {k}?",
      "{n}有{a}{m}{o}，{k}比{n}多{b}{m}。{k}有多少{m}{o}？"}},
    {"word_boxes", 4, 4, "axb", {{2, 6}, {2, 6}, {0, 0}, {0, 0}}, {4, 30},
     {"There are {a} boxes with {b} {o} in each box. How many {o} are there in total?",
      "In jeder von {a} Kisten liegen {b} {o}. Wie viele {o} sind es insgesamt?",
      "有{a}个箱子，每个箱子里有{b}{m}{o}。一共有多少{m}{o}？"}},
    {"word_share", 4, 4, "a/b", {{4, 30}, {2, 6}, {0, 0}, {0, 0}}, {2, 8},
     {"{n} shares {a} {o} equally among {b} children. How many {o} does each child get?",
      "{n} verteilt {a} {o} gleichmäßig auf {b} Kinder. Wie viele {o} bekommt jedes Kind?",
      "{n}把{a}{m}{o}平均分给{b}个孩子。每个孩子得到多少{m}{o}？"}},

    /* 5: 2-digit and 3-digit numbers */
    {"sum_2_digit", 5, 5, "a+b", {{12, 89}, {12, 89}, {0, 0}, {0, 0}}, {24, 170}, BARE("{a} + {b}")},
    {"difference_2_digit", 5, 5, "a-b", {{31, 99}, {12, 87}, {0, 0}, {0, 0}}, {11, 80}, BARE("{a} - {b}")},
    {"sum_3_digit", 5, 4, "a+b", {{112, 887}, {112, 887}, {0, 0}, {0, 0}}, {224, 1774}, BARE("{a} + {b}")},
    {"difference_3_digit", 5, 3, "a-b", {{312, 987}, {112, 876}, {0, 0}, {0, 0}}, {101, 800}, BARE("{a} - {b}")},
    {"product_2_1", 5, 3, "axb", {{12, 49}, {3, 9}, {0, 0}, {0, 0}}, {36, 441}, BARE("{a} × {b}")},

    /* 6: word problems of two and more steps */
    {"word_buy_give", 6, 4, "a+b p-c", {{6, 20}, {3, 15}, {2, 12}, {0, 0}}, {3, 35},
     {"{n} has {a} {o}, buys {b} more and then gives {c} away. How many {o} does {n} have left?",
      "{n} hat {a} {o}, kauft {b} dazu und verschenkt dann {c}. Wie viele {o} hat {n} noch?",
      "{n}有{a}{m}{o}，又买了{b}{m}，然后送给别人{c}{m}。{n}还剩多少{m}{o}？"}},
    {"word_boxes_single", 6, 4, "axb p+c", {{3, 8}, {3, 9}, {2, 9}, {0, 0}}, {9, 81},
     {"{n} has {a} boxes with {b} {o} in each box, and {c} single {o}. "
      "How many {o} does {n} have in total?",
      "{n} hat {a} Kisten. In jeder Kiste liegen {b} {o}. Außerdem hat {n} {c} einzelne {o}. "
      "Wie viele {o} hat {n} insgesamt?",
      "{n}有{a}个箱子，每个箱子里有{b}{m}{o}，另外还有{c}{m}{o}。{n}一共有多少{m}{o}？"}},
    {"word_together", 6, 4, "a+b a+p", {{3, 20}, {2, 12}, {0, 0}, {0, 0}}, {5, 52},
     {"{n} has {a} {o}. {k} has {b} more than {n}. How many {o} do they have together?",
      "{n} hat {a} {o}. {k} hat {b} mehr als {n}. Wie viele {o} haben beide zusammen?",
      "{n}有{a}{m}{o}，{k}比{n}多{b}{m}。两人一共有多少{m}{o}？"}},
    {"word_price", 6, 4, "axb p+c", {{2, 6}, {2, 7}, {3, 12}, {0, 0}}, {4, 54},
     {"A pen costs {b} euros and a notebook costs {c} euros. {n} buys {a} pens and one notebook. "
      "How many euros does {n} pay?",
      "Ein Stift kostet {b} Euro und ein Heft kostet {c} Euro. {n} kauft {a} Stifte und ein Heft. "
      "Wie viele Euro bezahlt {n}?",
      "一支笔{b}欧元，一个笔记本{c}欧元。{n}买了{a}支笔和一个笔记本。{n}要付多少欧元？"}},
    {"word_train", 6, 2, "b-c axp", {{3, 8}, {40, 80}, {12, 38}, {0, 0}}, {5, 400},
     {"A train has {a} carriages with {b} seats in each carriage. In each carriage {c} seats are taken. "
      "How many seats are free in the whole train?",
      "Ein Zug hat {a} Wagen. Jeder Wagen hat {b} Plätze, und in jedem Wagen sind {c} Plätze besetzt. "
      "Wie viele Plätze sind im ganzen Zug frei?",
      "一列火车有{a}节车厢，每节车厢有{b}个座位，每节车厢里有{c}个座位有人坐。整列火车有多少个空座位？"}},
    {"word_savings", 6, 1, "axb p-c q+d", {{5, 20}, {3, 9}, {8, 30}, {5, 25}}, {3, 200},
     {"{n} saves {a} euros every week. After {b} weeks {n} spends {c} euros and then gets {d} euros as "
      "a present. How many euros does {n} have then?",
      "{n} spart jede Woche {a} Euro. Nach {b} Wochen gibt {n} {c} Euro aus und bekommt dann {d} Euro "
      "geschenkt. Wie viele Euro hat {n} dann?",
      "{n}每周存{a}欧元。{b}周后，{n}花掉{c}欧元，然后收到{d}欧元的礼金。这时{n}有多少欧元？"}},
    {"word_shop", 6, 1, "a+b 2xp a+p r+q", {{12, 40}, {5, 20}, {0, 0}, {0, 0}}, {17, 300},
     {"A shop sells {a} {o} on Monday, {b} more than that on Tuesday, and on Wednesday twice as many as "
      "on Tuesday. How many {o} does it sell on these three days?",
      "Ein Laden verkauft am Montag {a} {o}, am Dienstag {b} mehr als am Montag und am Mittwoch doppelt "
      "so viele wie am Dienstag. Wie viele {o} verkauft er an diesen drei Tagen?",
      "一家商店星期一卖出{a}{m}{o}，星期二比星期一多卖{b}{m}，星期三卖出的是星期二的两倍。"
      "这三天一共卖出多少{m}{o}？"}},
};

const math_thing math_things[] = {
    {{"apples", "Äpfel", "苹果"}, "个"},       {{"pears", "Birnen", "梨"}, "个"},
    {{"oranges", "Orangen", "橙子"}, "个"},    {{"eggs", "Eier", "鸡蛋"}, "个"},
    {{"books", "Bücher", "书"}, "本"},         {{"pencils", "Bleistifte", "铅笔"}, "支"},
    {{"stamps", "Briefmarken", "邮票"}, "张"}, {{"postcards", "Postkarten", "明信片"}, "张"},
    {{"balls", "Bälle", "球"}, "个"},          {{"candles", "Kerzen", "蜡烛"}, "支"},
    {{"towels", "Handtücher", "毛巾"}, "条"},  {{"shirts", "Hemden", "衬衫"}, "件"},
    {{"spoons", "Löffel", "勺子"}, "把"},      {{"keys", "Schlüssel", "钥匙"}, "把"},
    {{"cups", "Tassen", "杯子"}, "个"},        {{"biscuits", "Kekse", "饼干"}, "块"},
};

const math_person math_people[] = {
    {{"Anna", "Anna", "小安"}},    {{"Ben", "Ben", "小本"}},      {{"Clara", "Clara", "小兰"}},
    {{"David", "David", "小伟"}},  {{"Emma", "Emma", "小美"}},    {{"Felix", "Felix", "小飞"}},
    {{"Greta", "Greta", "小雪"}},  {{"Jonas", "Jonas", "小强"}},  {{"Laura", "Laura", "小丽"}},
    {{"Mark", "Mark", "小明"}},    {{"Nina", "Nina", "小宁"}},    {{"Paul", "Paul", "小刚"}},
};
// clang-format on

const size_t math_n_families = sizeof math_families / sizeof math_families[0];
const size_t math_n_things = sizeof math_things / sizeof math_things[0];
const size_t math_n_people = sizeof math_people / sizeof math_people[0];
