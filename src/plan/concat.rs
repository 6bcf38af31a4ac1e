//! The plan of a [`Concat`](crate::layers::Concat).

use super::{Op, Plan, op::MAX_OPERANDS, path::Branch};

impl Plan {
    /// The outputs of 2 to 8 branches of the same input, one after another: `y = [a(x), b(x), ..]`, which has this width.
    /// Together they are one module, whose branches are named `branches.0`, `branches.1` and so on.
    ///
    /// # Panics
    /// At compile time, for another number of branches, when the width is not the sum of theirs, and as [`Plan::residual`].
    pub const fn concat(branches: &[Plan], width: usize) -> Plan {
        assert!(
            2 <= branches.len() && branches.len() <= MAX_OPERANDS,
            "a concatenation has 2 to 8 branches"
        );
        let mut plan = Plan::identity();
        // The end of each branch in the plan, or 0 for the input.
        let mut ends = [0; MAX_OPERANDS];
        let mut i = 0;
        while i < branches.len() {
            let branch = branches[i].in_branch(Branch::Numbered(i as u8));
            // Its input is that of the first branch, further back.
            plan = plan.append(branch.with_input_back(plan.len));
            if branch.len > 0 {
                ends[i] = plan.len;
            }
            i += 1;
        }
        let mut backs = [0; MAX_OPERANDS - 1];
        let mut i = 1;
        while i < branches.len() {
            backs[i - 1] = plan.len + 1 - ends[i];
            i += 1;
        }
        // Without steps, each branch is the input.
        let first = match plan.len {
            0 => width / branches.len(),
            _ => plan.width(ends[0]),
        };
        let mut concat = Plan::one(Op::Concat { backs }, first, width);
        concat.steps[0].back = plan.len + 1 - ends[0];
        plan.modules = 1;
        plan.append(concat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Branches that are the input or branch again, after others, and what they read.
    #[test]
    fn every_branch_reads_the_input() {
        let tanh = || Plan::elementwise(Op::Tanh, 3);
        let inner = Plan::concat(&[tanh(), Plan::identity()], 6);
        let branches = [
            Plan::residual(tanh(), Plan::identity(), 3),
            inner,
            Plan::identity(),
        ];
        let plan = tanh().then(Plan::concat(&branches, 12));
        let steps = plan.steps().iter().enumerate();
        let operands: Vec<_> = steps
            .map(|(at, step)| step.operands(at).collect::<Vec<_>>())
            .collect();
        // before; the tanh of the residual, its sum; the tanh of the inner one, the inner one; all together
        let expected = [
            vec![0],
            vec![1],
            vec![2, 1],
            vec![1],
            vec![4, 1],
            vec![3, 5, 1],
        ];
        assert_eq!(operands, expected);
        let paths = plan.steps().iter().map(|step| step.path.to_string());
        let expected = [
            "0",
            "1.branches.0.0.body.0",
            "1.branches.0.0",
            "1.branches.1.0.branches.0.0",
            "1.branches.1.0",
            "1",
        ];
        assert_eq!(paths.collect::<Vec<_>>(), expected);
        assert_eq!(plan.flop(), 3 * 3 + 3);
    }

    #[test]
    fn a_concatenation_of_the_input_with_itself_has_one_step() {
        let plan = Plan::concat(&[Plan::identity(); 3], 12);
        let [step] = plan.steps() else {
            panic!("{plan:?}");
        };
        assert_eq!((step.inputs, step.outputs), (4, 12));
        assert_eq!(step.operands(0).collect::<Vec<_>>(), [0, 0, 0]);
    }

    #[test]
    #[should_panic(expected = "is not the input width of the next")]
    fn a_width_other_than_the_sum_is_refused() {
        Plan::concat(&[Plan::linear(3, 4), Plan::identity()], 8);
    }
}
