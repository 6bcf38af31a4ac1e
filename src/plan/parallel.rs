//! The plan of a [`Parallel`](crate::layers::Parallel).

use super::{Op, Plan, op::MAX_OPERANDS, path::Branch};

/// How [`Plan::parallel`] joins the outputs of two branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Join {
    /// [`Op::Concat`].
    Concat,
    /// [`Op::Add`].
    Sum,
    /// [`Op::Dot`].
    Dot,
}

impl Plan {
    /// Two branches, each of its own input: of a pair of inputs of these widths, the first branch reads the first one, the
    /// second branch the other. Together they are one module, whose branches are named `branches.0` and `branches.1`, and
    /// their joined outputs have this width.
    ///
    /// # Panics
    /// At compile time, when the joined outputs have another width, for branches of different output widths unless they are
    /// concatenated, and as [`Plan::residual`].
    pub const fn parallel(
        branches: [Plan; 2],
        inputs: [usize; 2],
        join: Join,
        width: usize,
    ) -> Plan {
        let [a, b] = branches;
        let sum = inputs[0] + inputs[1];
        let mut first = Plan::one(Op::Narrow { start: 0 }, sum, inputs[0]);
        let mut second = Plan::one(Op::Narrow { start: inputs[0] }, sum, inputs[1]);
        // they are no modules
        (first.modules, second.modules) = (0, 0);
        let first = first.then(a).in_branch(Branch::Numbered(0));
        let second = second.then(b).in_branch(Branch::Numbered(1));
        let mut plan = first.append(second.with_input_back(first.len));
        plan.modules = 1;
        let [x, z] = [plan.width(first.len), plan.width(plan.len)];
        let op = match join {
            Join::Concat => {
                let mut backs = [0; MAX_OPERANDS - 1];
                backs[0] = 1;
                Op::Concat { backs }
            }
            Join::Sum => Op::Add { back: 1 },
            Join::Dot => Op::Dot { back: 1 },
        };
        assert!(
            matches!(join, Join::Concat) || x == z,
            "branches that are added or multiplied have the same width"
        );
        assert!(
            width
                == match join {
                    Join::Concat => x + z,
                    Join::Sum => x,
                    Join::Dot => 1,
                },
            "the joined outputs of the branches have another width"
        );
        let mut joined = Plan::one(op, x, width);
        joined.steps[0].back = second.len + 1;
        plan.append(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_branch_reads_its_own_input() {
        let tanh = |width| Plan::elementwise(Op::Tanh, width);
        let inner = Plan::parallel([tanh(2), Plan::linear(1, 2)], [2, 1], Join::Dot, 1);
        let outer = [Plan::linear(4, 5), inner];
        let plan = Plan::parallel(outer, [4, 3], Join::Concat, 6).then(tanh(6));
        let steps = plan.steps().iter().enumerate();
        let operands: Vec<_> = steps
            .map(|(at, step)| step.operands(at).collect::<Vec<_>>())
            .collect();
        let expected = [
            vec![0],    // the first four
            vec![1],    // linear
            vec![0],    // the last three
            vec![3],    // the first two of these
            vec![4],    // tanh
            vec![3],    // the last one
            vec![6],    // linear
            vec![5, 7], // dot
            vec![2, 8], // concat
            vec![9],
        ];
        assert_eq!(operands, expected);
        let parts = [0, 1, 3, 4, 6].map(|value| plan.part_of_the_input(value));
        assert_eq!(parts, [Some(0), Some(0), Some(4), Some(4), Some(6)]);
        assert_eq!(plan.part_of_the_input(2), None);
        assert!(plan.embeds_only_the_input());
        let paths: Vec<String> = plan
            .steps()
            .iter()
            .map(|step| step.path.to_string())
            .collect();
        let expected = [
            "0.branches.0.0",
            "0.branches.0.0",
            "0.branches.1.0",
            "0.branches.1.0.branches.0.0",
            "0.branches.1.0.branches.0.0",
            "0.branches.1.0.branches.1.0",
            "0.branches.1.0.branches.1.0",
            "0.branches.1.0",
            "0",
            "1",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    #[should_panic(expected = "have the same width")]
    fn branches_of_different_widths_are_not_added() {
        Plan::parallel(
            [Plan::linear(1, 2), Plan::linear(1, 3)],
            [1, 1],
            Join::Sum,
            2,
        );
    }
}
