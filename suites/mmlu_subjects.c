/* mmlu_subjects.c - the assignment that came with the data set (Hendrycks et al. 2021, "Measuring
 * massive multitask language understanding", the file of categories). Sorted by subcategory, so
 * that it can be checked by eye; 57 entries need no index.
 */
#include "suites/mmlu_subjects.h"

#include "base/mem.h"

#include <stddef.h>
#include <string.h>

struct assignment {
    const char *name, *group;
};

static const struct assignment SUBJECTS[] = {
    {"college_biology", "biology"},
    {"high_school_biology", "biology"},
    {"business_ethics", "business"},
    {"management", "business"},
    {"marketing", "business"},
    {"college_chemistry", "chemistry"},
    {"high_school_chemistry", "chemistry"},
    {"college_computer_science", "computer science"},
    {"computer_security", "computer science"},
    {"high_school_computer_science", "computer science"},
    {"machine_learning", "computer science"},
    {"human_sexuality", "culture"},
    {"sociology", "culture"},
    {"econometrics", "economics"},
    {"high_school_macroeconomics", "economics"},
    {"high_school_microeconomics", "economics"},
    {"electrical_engineering", "engineering"},
    {"high_school_geography", "geography"},
    {"anatomy", "health"},
    {"clinical_knowledge", "health"},
    {"college_medicine", "health"},
    {"human_aging", "health"},
    {"medical_genetics", "health"},
    {"nutrition", "health"},
    {"professional_medicine", "health"},
    {"virology", "health"},
    {"high_school_european_history", "history"},
    {"high_school_us_history", "history"},
    {"high_school_world_history", "history"},
    {"prehistory", "history"},
    {"international_law", "law"},
    {"jurisprudence", "law"},
    {"professional_law", "law"},
    {"abstract_algebra", "math"},
    {"college_mathematics", "math"},
    {"elementary_mathematics", "math"},
    {"high_school_mathematics", "math"},
    {"high_school_statistics", "math"},
    {"global_facts", "other"},
    {"miscellaneous", "other"},
    {"professional_accounting", "other"},
    {"formal_logic", "philosophy"},
    {"logical_fallacies", "philosophy"},
    {"moral_disputes", "philosophy"},
    {"moral_scenarios", "philosophy"},
    {"philosophy", "philosophy"},
    {"world_religions", "philosophy"},
    {"astronomy", "physics"},
    {"college_physics", "physics"},
    {"conceptual_physics", "physics"},
    {"high_school_physics", "physics"},
    {"high_school_government_and_politics", "politics"},
    {"public_relations", "politics"},
    {"security_studies", "politics"},
    {"us_foreign_policy", "politics"},
    {"high_school_psychology", "psychology"},
    {"professional_psychology", "psychology"},
};
_Static_assert(COUNT_OF(SUBJECTS) == 57, "MMLU has 57 subjects");

static const struct assignment SUBCATEGORIES[] = {
    {"biology", "STEM"},
    {"chemistry", "STEM"},
    {"computer science", "STEM"},
    {"engineering", "STEM"},
    {"math", "STEM"},
    {"physics", "STEM"},
    {"history", "humanities"},
    {"law", "humanities"},
    {"philosophy", "humanities"},
    {"culture", "social sciences"},
    {"economics", "social sciences"},
    {"geography", "social sciences"},
    {"politics", "social sciences"},
    {"psychology", "social sciences"},
    {"business", "other"},
    {"health", "other"},
    {"other", "other"},
};
_Static_assert(COUNT_OF(SUBCATEGORIES) == 17, "MMLU has 17 subcategories");

static const char *group_of(const struct assignment *assignments, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(assignments[i].name, name)) return assignments[i].group;
    return NULL;
}

const char *mmlu_subcategory_of(const char *subject)
{
    return group_of(SUBJECTS, COUNT_OF(SUBJECTS), subject);
}

const char *mmlu_category_of(const char *subject)
{
    const char *subcategory = mmlu_subcategory_of(subject);
    size_t n = COUNT_OF(SUBCATEGORIES);
    return subcategory ? group_of(SUBCATEGORIES, n, subcategory) : NULL;
}
